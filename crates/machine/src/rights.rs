//! What root inside may do: capabilities within the sandbox's user namespace, and nothing outside of it.
//!
//! Invariant: no capability is kept that has an effect beyond the sandbox's own files, processes and network.

use crate::Error;
use crate::error::During;
use crate::place::Plan;
use crate::{seccomp, sys};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// What root of an instance needs: own, read and write all files of the sandbox; become other users (`su`, `sudo`, daemons); signal and
/// debug all processes of the sandbox; bind low ports and open raw sockets in a network that is its own; chroot; write audit
/// messages, which PAM wants to; set capabilities of files (`setcap`, packages).
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::AUDIT_WRITE);

/// Becomes root inside, with the rights that it keeps, and nothing else. There is no way back.
pub(crate) fn drop_all_others(plan: &Plan) -> Result<(), Error> {
    use rustix::thread::{Gid, Uid};
    rustix::thread::set_thread_groups(&[]).during("cannot leave the groups")?;
    rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)
        .during("cannot become group 0 inside")?;
    rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)
        .during("cannot become root inside")?;
    let files = plan.spec.limits.open_files;
    let soft = files.min(1024);
    limit(Resource::Nofile, soft, files)?;
    // One byte, not none: a handler of the host's that core dumps are piped to is only left alone for a limit of one.
    limit(Resource::Core, 1, 1)?;
    limit(Resource::Memlock, 8 << 20, 8 << 20)?;
    // Filters need the right to administer the user namespace, or no-new-privileges; sudo needs the first.
    if plan.spec.no_new_privileges {
        rustix::thread::set_no_new_privs(true).during("cannot set no-new-privileges")?;
    }
    let filters = seccomp::filters()?;
    filters.iter().try_for_each(|filter| sys::set_filter(filter)).during("cannot filter system calls")?;
    let kept = if plan.spec.administers_network { KEPT.union(CapabilitySet::NET_ADMIN) } else { KEPT };
    for bit in 0..64 {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if !kept.contains(one) && rustix::thread::capability_is_in_bounding_set(one).unwrap_or(false) {
            rustix::thread::remove_capability_from_bounding_set(one).during("cannot drop a capability")?;
        }
    }
    rustix::thread::clear_ambient_capability_set().during("cannot clear ambient capabilities")?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).during("cannot drop capabilities")?;
    // Nobody inside can look into the init, whose memory and descriptors come from outside.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).during("cannot hide the init")?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).during("cannot follow the keeper")
}

fn limit(resource: Resource, current: u64, maximum: u64) -> Result<(), Error> {
    let new = Rlimit { current: Some(current), maximum: Some(maximum) };
    // A limit of the host that is lower stays.
    let host = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let maximum = new.maximum.map(|wanted| wanted.min(host));
    let new = Rlimit { current: new.current.map(|wanted| wanted.min(host)), maximum };
    rustix::process::setrlimit(resource, new).during("cannot set a limit")
}
