//! The system calls that programs inside may make.
//!
//! Invariant: what is not listed does not exist (ENOSYS, so that libraries fall back); what is known and dangerous is forbidden
//! (EPERM, so that people understand); another architecture's calls end the program.

use crate::Error;
use crate::error::During;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filters, in the order in which they are put on.
pub(crate) fn filters() -> Result<Vec<BpfProgram>, Error> {
    let arch: TargetArch = std::env::consts::ARCH
        .try_into()
        .map_err(|_| Error::unsupported(format!("no list of system calls for {}", std::env::consts::ARCH)))?;
    let enosys = SeccompAction::Errno(libc::ENOSYS as u32);
    let eperm = SeccompAction::Errno(libc::EPERM as u32);
    let program =
        |rules: Rules, otherwise: SeccompAction, matching: SeccompAction| -> Result<BpfProgram, Error> {
            let filter =
                SeccompFilter::new(rules, otherwise, matching, arch).during("the filter of system calls")?;
            filter.try_into().during("the filter of system calls")
        };
    Ok(vec![
        program(allowed()?, enosys, SeccompAction::Allow)?,
        // Of two refusals, the filter that was put on last says the number.
        program(forbidden()?, SeccompAction::Allow, eperm)?,
    ])
}

fn allowed() -> Result<Rules, Error> {
    let mut rules: Rules = ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new())).collect();
    // An x32 call has another number, so it is not in the list. clone3's flags lie in memory, where no filter sees them: it is not
    // in the list either, and libraries fall back to clone.
    rules.insert(libc::SYS_clone, vec![rule(0, SeccompCmpOp::MaskedEq(NAMESPACES), 0)?]);
    rules.insert(
        libc::SYS_unshare,
        vec![rule(0, SeccompCmpOp::MaskedEq(NAMESPACES | libc::CLONE_NEWTIME as u64), 0)?],
    );
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET];
    let families = families.iter().map(|family| rule(0, SeccompCmpOp::Eq, *family as u64));
    rules.insert(libc::SYS_socket, families.collect::<Result<_, _>>()?);
    // Persona as programs need it: as it is, without randomised addresses (debuggers), and asking for it.
    let personas = [0, 0x0004_0000, 0x0002_0000, 0x0002_0008, 0x8, 0xffff_ffff];
    let personas = personas.iter().map(|persona| rule(0, SeccompCmpOp::Eq, *persona));
    rules.insert(libc::SYS_personality, personas.collect::<Result<_, _>>()?);
    Ok(rules)
}

fn forbidden() -> Result<Rules, Error> {
    let mut rules: Rules = FORBIDDEN.iter().chain(FORBIDDEN_HERE).map(|call| (*call, Vec::new())).collect();
    let any_of = |flags: u64| -> Result<Vec<SeccompRule>, Error> {
        let bits = (0..64).map(|bit| 1u64 << bit).filter(|bit| flags & bit != 0);
        bits.map(|bit| rule(0, SeccompCmpOp::MaskedEq(bit), bit)).collect()
    };
    rules.insert(libc::SYS_clone, any_of(NAMESPACES)?);
    rules.insert(libc::SYS_unshare, any_of(NAMESPACES | libc::CLONE_NEWTIME as u64)?);
    // Typing into a terminal, and the console's menu: a program must not speak with the keyboard of who watches it.
    let requests = [libc::TIOCSTI, libc::TIOCLINUX];
    let requests = requests.iter().map(|request| {
        let low = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, *request);
        SeccompRule::new(vec![low.during("a condition")?]).during("a rule")
    });
    rules.insert(libc::SYS_ioctl, requests.collect::<Result<_, _>>()?);
    Ok(rules)
}

/// The filters of a server that runs nothing and rules nothing, in the order in which they are put on.
pub(crate) fn server_filters(local_sockets: bool) -> Result<Vec<BpfProgram>, Error> {
    let arch: TargetArch = std::env::consts::ARCH
        .try_into()
        .map_err(|_| Error::unsupported(format!("no list of system calls for {}", std::env::consts::ARCH)))?;
    let program = |rules: Rules, number: i32| -> Result<BpfProgram, Error> {
        let refused = SeccompAction::Errno(number.cast_unsigned());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch).during("a filter")?;
        filter.try_into().during("a filter")
    };
    let mut rules = forbidden()?;
    rules.extend(NOT_FOR_SERVERS.iter().map(|call| (*call, Vec::new())));
    let families = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let families = families.iter().chain(local_sockets.then_some(&libc::AF_UNIX));
    // A local socket's other end would take this process for root. Pairs, which lead nowhere else, are another call.
    let other = families.map(|family| condition(0, SeccompCmpOp::Ne, *family as u64));
    let other = SeccompRule::new(other.collect::<Result<_, _>>()?).during("a rule")?;
    rules.insert(libc::SYS_socket, vec![other]);
    // Whoever runs a file of root's with one of these bits is root.
    let bits = [libc::S_ISUID, libc::S_ISGID].map(u64::from);
    for (call, argument) in MODES.iter().chain(MODES_HERE) {
        let refused = bits.iter().map(|bit| rule(*argument, SeccompCmpOp::MaskedEq(*bit), *bit));
        rules.insert(*call, refused.collect::<Result<_, _>>()?);
    }
    // Their arguments lie in memory, where no filter sees them; libraries fall back to others.
    let unseen = [libc::SYS_clone3, libc::SYS_openat2].map(|call| (call, Vec::new())).into();
    Ok(vec![program(rules, libc::EPERM)?, program(unseen, libc::ENOSYS)?])
}

fn condition(argument: u8, operation: SeccompCmpOp, value: u64) -> Result<SeccompCondition, Error> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, value).during("a condition")
}

fn rule(argument: u8, operation: SeccompCmpOp, value: u64) -> Result<SeccompRule, Error> {
    let length = if matches!(operation, SeccompCmpOp::MaskedEq(_)) {
        SeccompCmpArgLen::Qword
    } else {
        SeccompCmpArgLen::Dword
    };
    let condition = SeccompCondition::new(argument, length, operation, value).during("a condition")?;
    SeccompRule::new(vec![condition]).during("a rule")
}

/// Flags that ask for new namespaces.
const NAMESPACES: u64 = (libc::CLONE_NEWUSER as u64)
    | (libc::CLONE_NEWNS as u64)
    | (libc::CLONE_NEWPID as u64)
    | (libc::CLONE_NEWNET as u64)
    | (libc::CLONE_NEWUTS as u64)
    | (libc::CLONE_NEWIPC as u64)
    | (libc::CLONE_NEWCGROUP as u64);

macro_rules! calls {
    ($($call:ident)*) => { &[$(libc::$call),*] };
}

/// What programs need, on every architecture.
const ALLOWED: &[i64] = calls![
    SYS_accept SYS_accept4 SYS_bind SYS_brk SYS_capget SYS_capset SYS_chdir SYS_chroot SYS_clock_getres SYS_clock_gettime
    SYS_clock_nanosleep SYS_close SYS_close_range SYS_connect SYS_copy_file_range SYS_dup SYS_dup3 SYS_epoll_create1 SYS_epoll_ctl
    SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2 SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_faccessat SYS_faccessat2
    SYS_fadvise64 SYS_fallocate SYS_fchdir SYS_fchmod SYS_fchmodat SYS_fchmodat2 SYS_fchown SYS_fchownat SYS_fcntl SYS_fdatasync
    SYS_fgetxattr SYS_flistxattr SYS_flock SYS_fremovexattr SYS_fsetxattr SYS_fstat SYS_fstatfs SYS_fsync SYS_ftruncate SYS_futex
    SYS_futex_waitv SYS_get_robust_list SYS_getcpu SYS_getcwd SYS_getdents64 SYS_getegid SYS_geteuid SYS_getgid SYS_getgroups
    SYS_getitimer SYS_get_mempolicy SYS_getpeername SYS_getpgid SYS_getpid SYS_getppid SYS_getpriority SYS_getrandom SYS_getresgid
    SYS_getresuid SYS_getrlimit SYS_getrusage SYS_getsid SYS_getsockname SYS_getsockopt SYS_gettid SYS_gettimeofday SYS_getuid
    SYS_getxattr SYS_inotify_add_watch SYS_inotify_init1 SYS_inotify_rm_watch SYS_io_cancel SYS_io_destroy SYS_io_getevents
    SYS_io_setup SYS_io_submit SYS_ioctl SYS_ioprio_get SYS_ioprio_set SYS_kill SYS_landlock_add_rule
    SYS_landlock_create_ruleset SYS_landlock_restrict_self SYS_lgetxattr SYS_linkat SYS_listen SYS_listxattr SYS_llistxattr
    SYS_lremovexattr SYS_lseek SYS_lsetxattr SYS_madvise SYS_membarrier SYS_memfd_create SYS_mincore SYS_mkdirat SYS_mknodat
    SYS_mlock SYS_mlock2 SYS_mlockall SYS_mmap SYS_mprotect SYS_mq_getsetattr SYS_mq_notify SYS_mq_open SYS_mq_timedreceive
    SYS_mq_timedsend SYS_mq_unlink SYS_mremap SYS_msgctl SYS_msgget SYS_msgrcv SYS_msgsnd SYS_msync SYS_munlock SYS_munlockall
    SYS_munmap SYS_name_to_handle_at SYS_nanosleep SYS_newfstatat SYS_openat SYS_openat2 SYS_pidfd_getfd SYS_pidfd_open
    SYS_pidfd_send_signal SYS_pipe2 SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect SYS_ppoll SYS_prctl SYS_pread64 SYS_preadv
    SYS_preadv2 SYS_prlimit64 SYS_process_madvise SYS_process_mrelease SYS_process_vm_readv SYS_process_vm_writev SYS_pselect6
    SYS_ptrace SYS_pwrite64 SYS_pwritev SYS_pwritev2 SYS_read SYS_readahead SYS_readlinkat SYS_readv SYS_recvfrom SYS_recvmmsg
    SYS_recvmsg SYS_remap_file_pages SYS_removexattr SYS_renameat SYS_renameat2 SYS_restart_syscall SYS_rseq SYS_rt_sigaction
    SYS_rt_sigpending SYS_rt_sigprocmask SYS_rt_sigqueueinfo SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait
    SYS_rt_tgsigqueueinfo SYS_sched_get_priority_max SYS_sched_get_priority_min SYS_sched_getaffinity SYS_sched_getattr
    SYS_sched_getparam SYS_sched_getscheduler SYS_sched_rr_get_interval SYS_sched_setaffinity SYS_sched_setattr
    SYS_sched_setparam SYS_sched_setscheduler SYS_sched_yield SYS_seccomp SYS_semctl SYS_semget SYS_semop SYS_semtimedop
    SYS_sendfile SYS_sendmmsg SYS_sendmsg SYS_sendto SYS_set_robust_list SYS_set_tid_address SYS_setfsgid SYS_setfsuid SYS_setgid
    SYS_setgroups SYS_setitimer SYS_setpgid SYS_setpriority SYS_setregid SYS_setresgid SYS_setresuid SYS_setreuid SYS_setrlimit
    SYS_setsid SYS_setsockopt SYS_setuid SYS_setxattr SYS_shmat SYS_shmctl SYS_shmdt SYS_shmget SYS_shutdown SYS_sigaltstack
    SYS_signalfd4 SYS_socketpair SYS_splice SYS_statfs SYS_statx SYS_symlinkat SYS_sync SYS_sync_file_range SYS_syncfs SYS_sysinfo
    SYS_tee SYS_tgkill SYS_timer_create SYS_timer_delete SYS_timer_getoverrun SYS_timer_gettime SYS_timer_settime
    SYS_timerfd_create SYS_timerfd_gettime SYS_timerfd_settime SYS_times SYS_tkill SYS_truncate SYS_umask SYS_uname SYS_unlinkat
    SYS_utimensat SYS_vmsplice SYS_wait4 SYS_waitid SYS_write SYS_writev
];

/// What only this architecture has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = calls![
    SYS_access SYS_alarm SYS_arch_prctl SYS_chmod SYS_chown SYS_creat SYS_dup2 SYS_epoll_create SYS_epoll_wait SYS_eventfd SYS_fork
    SYS_futimesat SYS_getdents SYS_getpgrp SYS_inotify_init SYS_lchown SYS_link SYS_lstat SYS_mkdir SYS_mknod SYS_open SYS_pause
    SYS_pipe SYS_poll SYS_readlink SYS_rename SYS_rmdir SYS_select SYS_signalfd SYS_stat SYS_symlink SYS_time SYS_unlink SYS_utime
    SYS_utimes SYS_vfork
];
/// What only this architecture has.
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// What would reach out, or reach deep into the kernel.
const FORBIDDEN: &[i64] = calls![
    SYS_acct SYS_add_key SYS_adjtimex SYS_bpf SYS_clock_adjtime SYS_clock_settime SYS_delete_module SYS_fanotify_init
    SYS_finit_module SYS_fsconfig SYS_fsmount SYS_fsopen SYS_fspick SYS_init_module SYS_kexec_load SYS_keyctl SYS_lookup_dcookie
    SYS_mbind SYS_migrate_pages SYS_mount SYS_mount_setattr SYS_move_mount SYS_move_pages SYS_nfsservctl SYS_open_by_handle_at
    SYS_open_tree SYS_perf_event_open SYS_pivot_root SYS_quotactl SYS_quotactl_fd SYS_reboot SYS_request_key SYS_set_mempolicy
    SYS_setdomainname SYS_sethostname SYS_setns SYS_settimeofday SYS_swapoff SYS_swapon SYS_syslog SYS_umount2 SYS_userfaultfd
    SYS_vhangup
];
/// What only this architecture has.
#[cfg(target_arch = "x86_64")]
const FORBIDDEN_HERE: &[i64] =
    calls![SYS_ioperm SYS_iopl SYS_kexec_file_load SYS_modify_ldt SYS_uselib SYS_ustat SYS_sysfs];
/// What only this architecture has.
#[cfg(not(target_arch = "x86_64"))]
const FORBIDDEN_HERE: &[i64] = &[];

/// What a server does not do: run programs, send signals to others, look into others.
const NOT_FOR_SERVERS: &[i64] = calls![
    SYS_execve SYS_execveat SYS_chroot SYS_io_uring_enter SYS_io_uring_register SYS_io_uring_setup SYS_kill SYS_pidfd_getfd
    SYS_pidfd_send_signal SYS_process_vm_readv SYS_process_vm_writev SYS_ptrace SYS_rt_sigqueueinfo
];
/// Calls that give a file its mode, and which argument it is.
const MODES: &[(i64, u8)] = &[
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (libc::SYS_fchmodat2, 2),
    (libc::SYS_mknodat, 2),
    (libc::SYS_openat, 3),
];
/// What only this architecture has.
#[cfg(target_arch = "x86_64")]
const MODES_HERE: &[(i64, u8)] =
    &[(libc::SYS_chmod, 1), (libc::SYS_creat, 1), (libc::SYS_mknod, 1), (libc::SYS_open, 2)];
/// What only this architecture has.
#[cfg(not(target_arch = "x86_64"))]
const MODES_HERE: &[(i64, u8)] = &[];

#[cfg(test)]
mod tests {
    use super::{ALLOWED, ALLOWED_HERE, FORBIDDEN, FORBIDDEN_HERE, filters};

    #[test]
    fn no_call_is_allowed_and_forbidden() {
        let both = FORBIDDEN
            .iter()
            .chain(FORBIDDEN_HERE)
            .filter(|call| ALLOWED.contains(call) || ALLOWED_HERE.contains(call));
        assert_eq!(both.count(), 0);
        for call in
            [libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_bpf, libc::SYS_setns, libc::SYS_unshare]
        {
            assert!(!ALLOWED.contains(&call) && !ALLOWED_HERE.contains(&call), "{call}");
        }
    }

    #[test]
    fn the_filters_fit_into_the_kernels_limit() {
        for filter in filters().unwrap() {
            assert!(filter.len() < 4096, "{}", filter.len());
        }
    }
}
