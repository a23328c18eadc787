/*
 * Credentials of one thread; a part of shim.h.
 */
#ifndef HPCAGENT_CREDENTIALS_H
#define HPCAGENT_CREDENTIALS_H

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * The system calls themselves: the C library's functions of these names change every thread of the
 * process (nptl(7)). -1 leaves the real and the saved id as they are, which is what allows the way
 * back. On 32 bits the plain calls carry 16-bit ids.
 */
#ifdef SYS_setresuid32
#define SYS_THREAD_SETRESUID SYS_setresuid32
#define SYS_THREAD_SETRESGID SYS_setresgid32
#define SYS_THREAD_SETGROUPS SYS_setgroups32
#else
#define SYS_THREAD_SETRESUID SYS_setresuid
#define SYS_THREAD_SETRESGID SYS_setresgid
#define SYS_THREAD_SETGROUPS SYS_setgroups
#endif

static inline int thread_set_uid(uid_t uid)
{
	return (int) syscall(SYS_THREAD_SETRESUID, -1, uid, -1);
}

static inline int thread_set_gid(gid_t gid)
{
	return (int) syscall(SYS_THREAD_SETRESGID, -1, gid, -1);
}

static inline int thread_set_groups(size_t count, const gid_t *groups)
{
	return (int) syscall(SYS_THREAD_SETGROUPS, count, groups);
}

#endif
