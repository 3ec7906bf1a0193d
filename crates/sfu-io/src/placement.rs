//! Which worker has which participant and track: what the engine knows of rooms, and all that it decides.
//!
//! A room begins on one worker. From [`Placement::share`] participants on it is spread: who comes then goes to a worker that has less
//! to do, if there is one. Nobody is ever moved.

use std::collections::HashMap;

use visavis_sfu::{Command, ReliableSequence};

use crate::parcels::Errand;

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
    /// The parts of each room, the oldest first: worker and number of participants.
    rooms: HashMap<String, Vec<(usize, usize)>>,
    /// Worker by track, of media and data.
    tracks: HashMap<String, usize>,
    /// Participants by worker.
    load: Vec<usize>,
    /// Participants of a room that a worker takes before others take some; 0: all.
    share: usize,
}

impl Placement {
    pub fn new(workers: usize, share: usize) -> Self {
        Self { load: vec![0; workers], share, ..Self::default() }
    }

    /// The worker of who joins a room: with the others of it, as long as they are few; for a new room the one with the fewest
    /// participants.
    fn worker_for(&self, room: &str) -> usize {
        let least = |workers: &mut dyn Iterator<Item = usize>| workers.min_by_key(|worker| self.load[*worker]);
        let Some(parts) = self.rooms.get(room) else {
            return least(&mut (0..self.load.len())).unwrap_or_default();
        };
        let with_room = parts.iter().filter(|(_, count)| self.share == 0 || *count < self.share);
        // The fullest: a room is on as few workers as can be.
        if let Some((worker, _)) = with_room.max_by_key(|(_, count)| *count) {
            return *worker;
        }
        let here = least(&mut parts.iter().map(|(worker, _)| *worker)).unwrap_or_default();
        let mut others = (0..self.load.len()).filter(|worker| parts.iter().all(|(part, _)| part != worker));
        least(&mut others).filter(|other| self.load[*other] < self.load[here]).unwrap_or(here)
    }

    fn add(&mut self, participant: &str, room: &str, worker: usize, sequence: ReliableSequence) {
        let parts = self.rooms.entry(room.into()).or_default();
        match parts.iter_mut().find(|(part, _)| *part == worker) {
            Some((_, count)) => *count += 1,
            None => parts.push((worker, 1)),
        }
        self.load[worker] += 1;
        let member = Member { worker, room: room.into(), sequence, tracks: Vec::new() };
        self.participants.insert(participant.into(), member);
    }

    fn remove(&mut self, participant: &str) -> Option<Member> {
        let member = self.participants.remove(participant)?;
        for track in &member.tracks {
            self.tracks.remove(track);
        }
        self.load[member.worker] -= 1;
        if let Some(parts) = self.rooms.get_mut(&member.room) {
            parts.iter_mut().filter(|(part, _)| *part == member.worker).for_each(|(_, count)| *count -= 1);
            parts.retain(|(_, count)| *count > 0);
            if parts.is_empty() {
                self.rooms.remove(&member.room);
            }
        }
        Some(member)
    }

    /// The workers that have parts of a room.
    fn parts(&self, room: &str) -> Vec<usize> {
        self.rooms.get(room).into_iter().flatten().map(|(worker, _)| *worker).collect()
    }

    fn place_of(&self, command: &Command) -> Option<usize> {
        self.participants.get(command.participant()?).map(|member| member.worker)
    }

    /// Follows a command, and tells what each worker has to do for it, in this order.
    pub fn follow(&mut self, command: Command, sequence: &ReliableSequence) -> Vec<(usize, Errand)> {
        let worker = match &command {
            Command::AddParticipant { room, participant, .. } => {
                if self.participants.contains_key(participant) {
                    return Vec::new();
                }
                let (before, worker, room) = (self.parts(room), self.worker_for(room), room.clone());
                self.add(participant, &room, worker, sequence.clone());
                let mut errands = vec![(worker, Errand::Do(command))];
                let parts = self.parts(&room);
                if parts.len() > 1 {
                    // Its own worker each time: it may have begun anew since it was told.
                    let told = if before.contains(&worker) { &[worker][..] } else { &parts };
                    errands.extend(self.tell_parts(&room, told));
                }
                return errands;
            }
            Command::RemoveParticipant { participant } => {
                let Some(member) = self.remove(participant) else { return Vec::new() };
                let mut errands = vec![(member.worker, Errand::Do(command))];
                let parts = self.parts(&member.room);
                if !parts.contains(&member.worker) {
                    errands.extend(self.tell_parts(&member.room, &parts));
                }
                return errands;
            }
            Command::Publish { participant, track, .. } | Command::PublishDataTrack { participant, track, .. } => {
                let Some(member) = self.participants.get_mut(participant) else { return Vec::new() };
                member.tracks.push(track.clone());
                self.tracks.insert(track.clone(), member.worker);
                Some(member.worker)
            }
            Command::Unpublish { track } => self.tracks.remove(track),
            Command::UnpublishDataTrack { track, .. } => {
                self.tracks.remove(track);
                self.place_of(&command)
            }
            Command::SetMuted { track, .. } => self.tracks.get(track).copied(),
            Command::SendData { room, .. } => self.parts(room).first().copied(),
            Command::Subscribe { track, .. }
            | Command::Unsubscribe { track, .. }
            | Command::SetTrackSettings { track, .. }
            | Command::SubscribeDataTrack { track, .. }
            | Command::UnsubscribeDataTrack { track, .. } => {
                let Some(place) = self.place_of(&command) else { return Vec::new() };
                return match self.tracks.get(track) {
                    Some(&worker) if worker != place => vec![(worker, Errand::PassOn(place as u16, command))],
                    _ => vec![(place, Errand::Do(command))],
                };
            }
            _ => self.place_of(&command),
        };
        worker.map(|worker| (worker, Errand::Do(command))).into_iter().collect()
    }

    fn tell_parts(&self, room: &str, workers: &[usize]) -> Vec<(usize, Errand)> {
        let parts: Vec<u16> = self.parts(room).into_iter().map(|worker| worker as u16).collect();
        let tell =
            |worker: &usize| (*worker, Errand::Do(Command::SpreadRoom { room: room.into(), parts: parts.clone() }));
        workers.iter().map(tell).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(placement: &mut Placement, room: &str, participant: &str) -> Vec<(usize, Errand)> {
        let command = Command::AddParticipant {
            room: room.into(),
            participant: participant.into(),
            identity: participant.into(),
            primary: visavis_sfu::Target::Subscriber,
            single: false,
            can_publish_data: true,
            hidden: false,
            agent: false,
            can_subscribe_metrics: false,
            codec_change: true,
            allow_pause: None,
            mime_types: vec![],
            playout_delay: None,
            sync_streams: false,
        };
        placement.follow(command, &ReliableSequence::default())
    }

    fn remove(placement: &mut Placement, participant: &str) -> Vec<(usize, Errand)> {
        placement.follow(Command::RemoveParticipant { participant: participant.into() }, &ReliableSequence::default())
    }

    fn place(placement: &Placement, participant: &str) -> usize {
        placement.participants[participant].worker
    }

    /// Who is told of which parts.
    fn told(errands: &[(usize, Errand)]) -> Vec<(usize, Vec<u16>)> {
        let told = errands.iter().filter_map(|(worker, errand)| match errand {
            Errand::Do(Command::SpreadRoom { parts, .. }) => Some((*worker, parts.clone())),
            _ => None,
        });
        told.collect()
    }

    #[test]
    fn new_rooms_go_to_the_least_loaded_worker_and_stay_there() {
        let mut placement = Placement::new(2, 0);
        for name in ["a", "b"] {
            assert_eq!(told(&add(&mut placement, "one", name)), []);
        }
        add(&mut placement, "two", "c");
        add(&mut placement, "three", "d");
        add(&mut placement, "one", "e");
        assert_eq!(["a", "b", "c", "d", "e"].map(|name| place(&placement, name)), [0, 0, 1, 1, 0]);
    }

    #[test]
    fn the_last_participant_takes_the_room_along() {
        let mut placement = Placement::new(2, 0);
        add(&mut placement, "one", "a");
        add(&mut placement, "one", "b");
        assert_eq!(remove(&mut placement, "a").len(), 1);
        assert_eq!(placement.rooms["one"], [(0, 1)]);
        assert_eq!(remove(&mut placement, "b").len(), 1);
        assert!(remove(&mut placement, "b").is_empty());
        assert!(placement.rooms.is_empty() && placement.load == [0, 0]);
    }

    #[test]
    fn a_large_room_is_spread_and_its_parts_are_told_of_each_other() {
        let mut placement = Placement::new(2, 3);
        for number in 0..3 {
            assert_eq!(told(&add(&mut placement, "one", &number.to_string())), []);
        }
        assert_eq!(told(&add(&mut placement, "one", "3")), [(0, vec![0, 1]), (1, vec![0, 1])], "its first there");
        assert_eq!(told(&add(&mut placement, "one", "4")), [(1, vec![0, 1])]);
        for number in 5..9 {
            add(&mut placement, "one", &number.to_string());
        }
        assert_eq!(placement.rooms["one"], [(0, 5), (1, 4)], "evenly, when both have their share");
        for number in [3, 4, 5] {
            assert_eq!(place(&placement, &number.to_string()), 1);
            assert_eq!(told(&remove(&mut placement, &number.to_string())), []);
        }
        let last = (6..9).find(|number| place(&placement, &number.to_string()) == 1).expect("one is left there");
        assert_eq!(told(&remove(&mut placement, &last.to_string())), [(0, vec![0])]);
    }

    #[test]
    fn a_room_is_not_spread_to_who_has_more_to_do() {
        let mut placement = Placement::new(2, 3);
        add(&mut placement, "one", "a");
        for number in 0..3 {
            add(&mut placement, "two", &number.to_string());
        }
        for name in ["b", "c", "d"] {
            add(&mut placement, "one", name);
        }
        assert_eq!(placement.rooms["one"], [(0, 4)]);
        add(&mut placement, "one", "e");
        assert_eq!(placement.rooms["one"], [(0, 4), (1, 1)]);
    }

    #[test]
    fn what_concerns_a_track_of_another_worker_goes_there_first() {
        let mut placement = Placement::new(2, 1);
        add(&mut placement, "one", "a");
        add(&mut placement, "one", "b");
        let publish = Command::PublishDataTrack { participant: "a".into(), handle: 1, track: "T".into() };
        placement.follow(publish, &ReliableSequence::default());
        let mut follow = |participant: &str| {
            let command = Command::Subscribe { participant: participant.into(), track: "T".into() };
            placement.follow(command, &ReliableSequence::default()).remove(0)
        };
        assert!(matches!(follow("a"), (0, Errand::Do(_))));
        assert!(matches!(follow("b"), (0, Errand::PassOn(1, _))));
        remove(&mut placement, "a");
        let command = Command::Unsubscribe { participant: "b".into(), track: "T".into() };
        let errand = placement.follow(command, &ReliableSequence::default()).remove(0);
        assert!(matches!(errand, (1, Errand::Do(_))), "with the track gone there is nothing to wait for");
    }
}
