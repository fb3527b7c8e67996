//! The waiting messages of a FIFO queue, by message group.
//!
//! Invariants: inside a group messages leave in the order in which they came; a group is blocked while one of its
//! messages is held (in flight, or on its way to another queue); groups that can go take turns.

use super::standard::Entry;
use foldhash::{HashMap, HashMapExt};
use std::collections::VecDeque;
use std::sync::Arc;

/// A group's place in the table of groups.
pub(super) type GroupId = u32;

struct Group {
    name: Arc<str>,
    waiting: VecDeque<Entry>,
    held: u32,
    delayed: u32,
    in_line: bool,
}

impl Group {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.held == 0 && self.delayed == 0 && !self.in_line
    }
}

pub(super) struct Fifo {
    groups: Vec<Option<Group>>,
    free: Vec<GroupId>,
    ids: HashMap<Arc<str>, GroupId>,
    /// Groups that may go; one that cannot any more is skipped when it is reached.
    line: VecDeque<GroupId>,
    /// All have the queue's delay, so they become visible in the order in which they came.
    delayed: VecDeque<(Entry, GroupId)>,
    waiting_count: usize,
}

impl Fifo {
    pub(super) fn new() -> Fifo {
        Fifo {
            groups: Vec::new(),
            free: Vec::new(),
            ids: HashMap::new(),
            line: VecDeque::new(),
            delayed: VecDeque::new(),
            waiting_count: 0,
        }
    }

    /// The id of a group, which is made when it is new. It stays while the group has messages.
    pub(super) fn group(&mut self, name: &str) -> GroupId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        let group =
            Group { name: name.clone(), waiting: VecDeque::new(), held: 0, delayed: 0, in_line: false };
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                self.groups.push(None);
                GroupId::try_from(self.groups.len() - 1).unwrap_or(GroupId::MAX)
            }
        };
        if let Some(place) = self.groups.get_mut(id as usize) {
            *place = Some(group);
        }
        self.ids.insert(name, id);
        id
    }

    pub(super) fn name(&self, id: GroupId) -> Option<Arc<str>> {
        self.groups.get(id as usize)?.as_ref().map(|group| group.name.clone())
    }

    fn get(&mut self, id: GroupId) -> Option<&mut Group> {
        self.groups.get_mut(id as usize)?.as_mut()
    }

    /// A message behind all others of its group. Gives whether one more group can go now.
    pub(super) fn push(&mut self, entry: Entry, id: GroupId) -> bool {
        let Some(group) = self.get(id) else { return false };
        group.waiting.push_back(entry);
        self.waiting_count += 1;
        self.line_up(id)
    }

    pub(super) fn delay(&mut self, entry: Entry, id: GroupId) {
        if let Some(group) = self.get(id) {
            group.delayed += 1;
            self.delayed.push_back((entry, id));
        }
    }

    /// Lets messages in whose delay is over; gives how many groups can go that could not before.
    pub(super) fn mature(&mut self, now: i64, delay: i64) -> usize {
        let mut woken = 0;
        while let Some((entry, id)) =
            self.delayed.pop_front_if(|(entry, _)| entry.sent_at.saturating_add(delay) <= now)
        {
            self.end_delay(id);
            woken += usize::from(self.push(entry, id));
        }
        woken
    }

    fn end_delay(&mut self, id: GroupId) {
        if let Some(group) = self.get(id) {
            group.delayed = group.delayed.saturating_sub(1);
        }
    }

    /// Puts a held message back into its place. Gives whether one more group can go now.
    pub(super) fn give_back(&mut self, entry: Entry, id: GroupId) -> bool {
        let Some(group) = self.get(id) else { return false };
        // Messages that were held come before those that never were, so the place is within the first few.
        let place = group.waiting.partition_point(|other| other.seq < entry.seq);
        group.waiting.insert(place, entry);
        self.waiting_count += 1;
        self.release(id)
    }

    /// A message of the group is now held: nothing more of the group goes until it is released.
    pub(super) fn hold(&mut self, id: GroupId) {
        if let Some(group) = self.get(id) {
            group.held += 1;
        }
    }

    /// A held message is gone or back. Gives whether one more group can go now.
    pub(super) fn release(&mut self, id: GroupId) -> bool {
        if let Some(group) = self.get(id) {
            group.held = group.held.saturating_sub(1);
        }
        self.line_up(id)
    }

    fn line_up(&mut self, id: GroupId) -> bool {
        let Some(group) = self.get(id) else { return false };
        if group.in_line || group.held > 0 {
            return false;
        }
        if group.waiting.is_empty() {
            self.drop_when_idle(id);
            return false;
        }
        group.in_line = true;
        self.line.push_back(id);
        true
    }

    /// Takes the group whose turn it is out of the line; [`Fifo::end_turn`] puts it back.
    pub(super) fn begin_turn(&mut self) -> Option<GroupId> {
        while let Some(id) = self.line.pop_front() {
            let Some(group) = self.get(id) else { continue };
            group.in_line = false;
            if group.held == 0 && !group.waiting.is_empty() {
                return Some(id);
            }
            self.drop_when_idle(id);
        }
        None
    }

    /// The next message of a group whose turn it is.
    pub(super) fn pop(&mut self, id: GroupId) -> Option<Entry> {
        let entry = self.get(id)?.waiting.pop_front()?;
        self.waiting_count = self.waiting_count.saturating_sub(1);
        Some(entry)
    }

    /// Ends the turn of a group; it lines up again when it has something to give.
    pub(super) fn end_turn(&mut self, id: GroupId) {
        self.line_up(id);
    }

    fn drop_when_idle(&mut self, id: GroupId) {
        if !self.get(id).is_some_and(|group| group.is_idle()) {
            return;
        }
        if let Some(group) = self.groups.get_mut(id as usize).and_then(Option::take) {
            self.ids.remove(&group.name);
            self.free.push(id);
        }
    }

    /// Takes out messages at the heads of the groups that were sent at `cutoff` or before.
    pub(super) fn expire(&mut self, cutoff: i64, garbage: &mut Vec<u64>) {
        let mut idle = Vec::new();
        for (id, group) in self.groups.iter_mut().enumerate() {
            let Some(group) = group else { continue };
            while let Some(entry) = group.waiting.pop_front_if(|entry| entry.sent_at <= cutoff) {
                garbage.push(entry.seq);
                self.waiting_count = self.waiting_count.saturating_sub(1);
            }
            if group.is_idle() {
                idle.push(id as GroupId);
            }
        }
        while let Some((entry, id)) = self.delayed.pop_front_if(|(entry, _)| entry.sent_at <= cutoff) {
            garbage.push(entry.seq);
            self.end_delay(id);
            idle.push(id);
        }
        for id in idle {
            self.drop_when_idle(id);
        }
    }

    pub(super) fn next_due(&self, delay: i64) -> Option<i64> {
        self.delayed.front().map(|(entry, _)| entry.sent_at.saturating_add(delay))
    }

    pub(super) fn ready_count(&self) -> usize {
        self.waiting_count
    }

    pub(super) fn delayed_count(&self) -> usize {
        self.delayed.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Fifo};

    fn entry(seq: u64) -> Entry {
        Entry { seq, sent_at: 0 }
    }

    #[test]
    fn a_group_is_blocked_until_all_its_held_messages_are_back_or_gone() {
        let mut fifo = Fifo::new();
        let group = fifo.group("g");
        for seq in 1..=3 {
            fifo.push(entry(seq), group);
        }
        let turn = fifo.begin_turn().unwrap();
        let (one, two) = (fifo.pop(turn).unwrap(), fifo.pop(turn).unwrap());
        fifo.hold(turn);
        fifo.hold(turn);
        fifo.end_turn(turn);
        assert!(fifo.begin_turn().is_none());
        assert!(!fifo.give_back(two, group));
        assert!(fifo.begin_turn().is_none());
        assert!(fifo.give_back(one, group));
        let turn = fifo.begin_turn().unwrap();
        let order: Vec<u64> = std::iter::from_fn(|| fifo.pop(turn)).map(|entry| entry.seq).collect();
        assert_eq!(order, [1, 2, 3]);
    }

    #[test]
    fn groups_take_turns_and_idle_ones_leave_no_trace() {
        let mut fifo = Fifo::new();
        for name in ["a", "b"] {
            let id = fifo.group(name);
            assert!(fifo.push(entry(1), id));
        }
        let first = fifo.begin_turn().unwrap();
        let second = fifo.begin_turn().unwrap();
        assert_ne!(first, second);
        for id in [first, second] {
            fifo.pop(id).unwrap();
            fifo.end_turn(id);
        }
        assert!(fifo.ids.is_empty());
        assert_eq!(fifo.group("c"), second);
    }
}
