/* SPDX-License-Identifier: MIT */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "base/privilege.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__mips__) && defined(__MIPSEL__)
#define ARCHITECTURE AUDIT_ARCH_MIPSEL
#elif defined(__mips__)
#define ARCHITECTURE AUDIT_ARCH_MIPS
#elif defined(__riscv)
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#else
#error "the seccomp list wants the audit name of this architecture"
#endif

#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

bool privilege_seccomp(void)
{
	/* Both names of a call are here where musl uses the one that the architecture has. The frequent ones come first. */
	static const struct sock_filter list[] = {
		FIELD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		FIELD(nr),
#ifdef SYS_recvfrom
		ALLOW(SYS_recvfrom), ALLOW(SYS_sendto), ALLOW(SYS_sendmsg),
#endif
#ifdef SYS_recv
		ALLOW(SYS_recv),
#endif
#ifdef SYS_send
		ALLOW(SYS_send),
#endif
#ifdef SYS_poll
		ALLOW(SYS_poll),
#endif
		ALLOW(SYS_ppoll),
#ifdef SYS_ppoll_time64
		ALLOW(SYS_ppoll_time64),
#endif
		ALLOW(SYS_clock_gettime),
#ifdef SYS_clock_gettime64
		ALLOW(SYS_clock_gettime64),
#endif
		ALLOW(SYS_accept4), ALLOW(SYS_socket), ALLOW(SYS_connect), ALLOW(SYS_bind), ALLOW(SYS_shutdown), ALLOW(SYS_close),
		ALLOW(SYS_setsockopt), ALLOW(SYS_getsockopt), ALLOW(SYS_getsockname), ALLOW(SYS_read), ALLOW(SYS_readv),
		ALLOW(SYS_write), ALLOW(SYS_writev), ALLOW(SYS_splice), ALLOW(SYS_epoll_ctl), ALLOW(SYS_epoll_pwait),
		ALLOW(SYS_getpid), ALLOW(SYS_gettid), ALLOW(SYS_getrandom), ALLOW(SYS_rt_sigprocmask), ALLOW(SYS_rt_sigreturn),
		ALLOW(SYS_restart_syscall), ALLOW(SYS_tkill), ALLOW(SYS_exit), ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	static const struct sock_fprog program = { sizeof list / sizeof *list, (struct sock_filter *)(uintptr_t)list };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}
