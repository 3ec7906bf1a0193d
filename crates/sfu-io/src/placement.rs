//! Which worker has which room, participant and track.

use std::collections::HashMap;

use visavis_sfu::ReliableSequence;

#[derive(Debug)]
pub(crate) struct Member {
    pub worker: usize,
    pub room: String,
    pub sequence: ReliableSequence,
    pub tracks: Vec<String>,
}

/// Who is where. Only commands change it.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    pub participants: HashMap<String, Member>,
    /// Worker and number of participants of each room.
    pub rooms: HashMap<String, (usize, usize)>,
    pub tracks: HashMap<String, usize>,
}

impl Placement {
    /// The room's worker; for a new room the one with the fewest participants.
    pub fn worker_of_room(&self, room: &str, workers: usize) -> usize {
        if let Some((worker, _)) = self.rooms.get(room) {
            return *worker;
        }
        let mut load = vec![(0, 0); workers];
        for (worker, participants) in self.rooms.values() {
            load[*worker].0 += participants;
            load[*worker].1 += 1;
        }
        (0..workers).min_by_key(|worker| load[*worker]).unwrap_or_default()
    }

    pub fn add(&mut self, participant: String, member: Member) {
        self.rooms.entry(member.room.clone()).or_insert((member.worker, 0)).1 += 1;
        self.participants.insert(participant, member);
    }

    pub fn remove(&mut self, participant: &str) -> Option<Member> {
        let member = self.participants.remove(participant)?;
        for track in &member.tracks {
            self.tracks.remove(track);
        }
        if let Some((_, count)) = self.rooms.get_mut(&member.room) {
            *count -= 1;
            if *count == 0 {
                self.rooms.remove(&member.room);
            }
        }
        Some(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(worker: usize, room: &str) -> Member {
        Member { worker, room: room.into(), sequence: ReliableSequence::default(), tracks: vec![] }
    }

    #[test]
    fn new_rooms_go_to_the_least_loaded_worker_and_stay_there() {
        let mut placement = Placement::default();
        placement.add("a".into(), member(0, "one"));
        placement.add("b".into(), member(0, "one"));
        assert_eq!(placement.worker_of_room("two", 2), 1);
        placement.add("c".into(), member(1, "two"));
        assert_eq!(placement.worker_of_room("three", 2), 1);
        assert_eq!(placement.worker_of_room("one", 2), 0);
    }

    #[test]
    fn the_last_participant_takes_the_room_along() {
        let mut placement = Placement::default();
        placement.add("a".into(), member(1, "one"));
        placement.add("b".into(), member(1, "one"));
        assert!(placement.remove("a").is_some());
        assert_eq!(placement.rooms["one"], (1, 1));
        assert!(placement.remove("b").is_some());
        assert!(placement.remove("b").is_none());
        assert!(placement.rooms.is_empty());
    }
}
