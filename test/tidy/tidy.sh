#!/bin/sh
# SPDX-License-Identifier: MIT
# test/tidy/tidy.sh [FOLDER]     what src/README.md asks of the sources and a script can see; FOLDER stands in for src/
# An exception is a comment with "tidy:" and the reason, just above the function or, for a file's length, in its head.
cd "$(dirname "$0")/../.." && cd "${1:-src}/.." || exit 2
find "$(basename "${1:-src}")" -name '*.[ch]' | LC_ALL=C sort | LC_ALL=C xargs awk -v COLUMNS=125 -v FILE=600 -v FUNCTION=70 '
BEGIN {
	# Who may include whom: a folder includes itself and what stands here. "." is the top folder (scoreboard and its kind).
	may["base"] = ""; may["vrrp"] = may["proxy"] = "base"; may["conf"] = "base vrrp proxy"; may["."] = may["conf"] " conf"
	may["guard"] = may["worker"] = may["."] " ."; may["cmd"] = may["guard"] " guard worker"; may["main"] = may["cmd"] " cmd"
	split("loop log privilege arena net clock handoff", w, " "); for (i in w) impure["base/" w[i] ".h"] = 1
	split("stdint stdbool stddef string limits bearssl_hmac", w, " "); for (i in w) pure["<" w[i] ".h>"] = 1
	n = split("printf fprintf dprintf sprintf snprintf vprintf vfprintf vdprintf vsprintf vsnprintf asprintf vasprintf puts " \
		"putchar fputs fputc fopen fdopen fclose perror scanf sscanf fscanf malloc calloc realloc reallocarray free strdup strndup " \
		"aligned_alloc memalign posix_memalign valloc alloca getline opendir getaddrinfo getnameinfo gethostbyname getifaddrs " \
		"syslog openlog strcpy stpcpy strcat strncat strtok gets atof strtod mnl_socket_open mnl_nlmsg_batch_start", w, " ")
	for (i = 1; i <= n; i++) banned[w[i]] = 1
}
function say(line, what) { print FILENAME ":" line ": " what; found++ }
# The code of a line: without comments, and with what is between quotes left out.
function code_of(s,    out, c, d) {
	out = ""
	while (s != "") {
		if (comment) {
			c = index(s, "*/")
			if (!c) return out
			s = substr(s, c + 2); comment = 0
			continue
		}
		if (!match(s, /\/\*|\/\/|["\047]/)) return out s
		out = out substr(s, 1, RSTART - 1); d = substr(s, RSTART, RLENGTH); s = substr(s, RSTART + RLENGTH)
		if (d == "//") return out
		if (d == "/*") { comment = 1; continue }
		while (s != "" && substr(s, 1, 1) != d) s = substr(s, substr(s, 1, 1) == "\\" ? 3 : 2)
		s = substr(s, 2); out = out d d
	}
	return out
}
function included(name,    there, area) {
	area = folder
	if ((area == "vrrp" || area == "proxy") && (name ~ /^</ ? !(name in pure) : (name in impure)))
		say(FNR, area "/ is pure and may not include " name)
	if (name ~ /^</) {
		if (name == "<stdio.h>" || name == "<assert.h>") say(FNR, name " is not for this program: text_format, ensure")
		return
	}
	there = name ~ /\// ? substr(name, 1, index(name, "/") - 1) : "."
	if (there != area && !(area == "main" && there == ".") && (" " may[area] " ") !~ (" " (there == "." ? "\\." : there) " "))
		say(FNR, area " may not include " name ": base < vrrp, proxy < conf < guard | worker < cmd < main")
}
function file_ends() {
	if (lines > FILE && !long_file) { print last ":" lines ": the file has " lines " lines, more than " FILE; found++ }
}
FNR == 1 {
	if (files++) file_ends()
	n = split(FILENAME, part, "/")
	folder = n > 2 ? part[2] : part[n] == "main.c" ? "main" : "."
	if (!(folder in may)) say(1, "the folder " folder "/ is not in the list of who may include whom")
	last = FILENAME; comment = start = excused = 0; long_file = FILENAME ~ /conf\/keywords\.c$/
}
{
	lines = FNR; raw = $0
	if (raw ~ /tidy:/ && !start) { excused = 1; if (FNR <= 12) long_file = 1 }
	wide = raw; gsub(/\t/, "    ", wide)
	if (length(wide) > COLUMNS) say(FNR, length(wide) " columns, more than " COLUMNS)
	if (raw ~ /[ \t]$/) say(FNR, "the line ends in blanks")
	code = code_of(raw)
	if (code ~ /^[ \t]*#[ \t]*include/) {
		name = raw; sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
		if (match(name, /^"[^"]*"/)) name = substr(name, 2, RLENGTH - 2); else sub(/>.*/, ">", name)
		included(name)
	} else {
		rest = code
		while (match(rest, /[A-Za-z_][A-Za-z_0-9]*/)) {
			word = substr(rest, RSTART, RLENGTH); before = substr(rest, 1, RSTART - 1); rest = substr(rest, RSTART + RLENGTH)
			if (word == "float" || word == "double") say(FNR, word ": the program has no floating point")
			if (word in banned && rest ~ /^[ \t]*\(/ && before !~ /(->|\.)$/) say(FNR, word "() is not for this program")
		}
	}
	# A body stands between braces in the first column.
	if (raw ~ /^\{/ && !start) start = FNR
	else if (raw ~ /^\}/) {
		if (start && FNR - start - 1 > FUNCTION && !excused) say(start, "a function of " FNR - start - 1 " lines, more than " FUNCTION)
		start = excused = 0
	} else if (raw == "" && !start) excused = 0
}
END {
	file_ends()
	print "tidy: " files " files, " found + 0 " findings"
	exit found > 0
}' || exit 1
