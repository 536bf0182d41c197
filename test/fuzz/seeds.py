#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seeds.py http|body|cookie|packet|rules|proxyproto|tls_hello DIRECTORY: one file for each vector (test/vectors), for a fuzzer to start from."""
import os
import re
import sys

here = os.path.dirname(os.path.abspath(__file__))
escapes = {'r': b'\r', 'n': b'\n', 't': b'\t', '0': b'\0', '\\': b'\\'}


def unescape(text):
    byte = lambda m: bytes([int(m[1][1:], 16)]) if m[1][0] == ord('x') else escapes[chr(m[1][0])]
    return re.sub(rb'\\(x[0-9a-fA-F]{2}|[rnt0\\])', byte, text.encode())


def inputs(kind):
    if kind == 'body':
        text = open(f'{here}/../unit/test_body.c').read()
        for line in re.findall(r'\{ "((?:[^"\\]|\\.)*)", (?:BAD|MORE|")', text):
            yield b'\0\1\2\5' + unescape(line.replace('\\"', '"'))
        return
    if kind == 'rules':
        for name in ('rules', 'acl'):
            what = ''
            for line in open(f'{here}/../vectors/{name}.txt').read().splitlines():
                if line.startswith('<'):
                    yield (what if name == 'rules' else 'request set-header X %[path] ' + what).encode() + b'\n' + unescape(line[2:])
                elif line and line[0] not in '#>?':
                    what = line
        return
    for name in ('http', 'edit') if kind == 'http' else (kind,):
        record = b''
        for line in open(f'{here}/../vectors/{name}.txt').read().splitlines() + ['end']:
            if line.startswith('<'):
                record += unescape(line[2:])
            elif line and line[0] not in '#>?' and record:
                yield bytes.fromhex(record.decode()) if kind in ("packet", "tls_hello") else record
                record = b''


kind, directory = sys.argv[1:]
os.makedirs(directory, exist_ok=True)
for number, data in enumerate(inputs(kind)):
    with open(f'{directory}/{kind}-{number:03}', 'wb') as f:
        f.write(data)
