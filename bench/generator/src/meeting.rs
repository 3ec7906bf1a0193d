//! Who speaks, and who sees whom how large: the same for every server, for it follows the clock and not what is heard.

use std::collections::HashMap;

use crate::plan::Meeting;

/// How a participant sees another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    Large,
    Small,
    Hidden,
    /// Not by size, but by choice.
    Quality(i32),
}

/// Who sits where, in the order of joining.
#[derive(Debug, Clone)]
pub struct Seats {
    meeting: Meeting,
    /// Participants of the meeting, by their number in the plan.
    seats: HashMap<usize, usize>,
    /// The seat of who sends a source.
    sources: HashMap<u32, usize>,
    /// How often others have begun to speak.
    pub turn: usize,
}

impl Seats {
    pub fn new(meeting: Meeting) -> Self {
        Self { meeting, seats: HashMap::new(), sources: HashMap::new(), turn: 0 }
    }

    /// The next seat is this participant's.
    pub fn sit(&mut self, participant: usize, sources: impl Iterator<Item = u32>) {
        let seat = self.seats.len();
        self.seats.insert(participant, seat);
        self.sources.extend(sources.map(|source| (source, seat)));
    }

    pub fn period(&self) -> f64 {
        self.meeting.period
    }

    pub fn speaks(&self, participant: usize) -> bool {
        self.seats.get(&participant).is_some_and(|seat| self.speakers().any(|speaker| speaker == *seat))
    }

    /// How the participant sees the source.
    pub fn tile(&self, participant: usize, source: u32) -> Tile {
        let (Some(own), Some(other)) = (self.seats.get(&participant), self.sources.get(&source)) else {
            return Tile::Hidden;
        };
        let count = self.seats.len();
        // Speakers first, then whoever sits beside.
        let beside = (1..count).map(|distance| (own + distance) % count);
        let mut seen: Vec<usize> = Vec::with_capacity(self.meeting.tiles);
        for seat in self.speakers().chain(beside) {
            if seen.len() == self.meeting.tiles {
                break;
            }
            if seat != *own && !seen.contains(&seat) {
                seen.push(seat);
            }
        }
        match seen.iter().position(|seat| seat == other) {
            Some(0) => Tile::Large,
            Some(_) => Tile::Small,
            None => Tile::Hidden,
        }
    }

    fn speakers(&self) -> impl Iterator<Item = usize> {
        let (count, speakers) = (self.seats.len().max(1), self.meeting.speakers);
        (0..speakers).map(move |index| (self.turn * speakers + index) % count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(count: usize, tiles: usize) -> Seats {
        let mut seats = Seats::new(Meeting { tiles, speakers: 2, period: 3.0 });
        for participant in 0..count {
            seats.sit(participant, std::iter::once(participant as u32));
        }
        seats
    }

    fn seen(seats: &Seats, participant: usize) -> Vec<Tile> {
        (0..seats.seats.len() as u32).map(|source| seats.tile(participant, source)).collect()
    }

    #[test]
    fn the_first_speaker_is_large_and_neighbours_are_small() {
        use Tile::{Hidden, Large, Small};
        assert_eq!(seen(&seats(6, 3), 3), [Large, Small, Hidden, Hidden, Small, Hidden]);
    }

    #[test]
    fn a_speaker_sees_the_other_one() {
        use Tile::{Hidden, Large, Small};
        assert_eq!(seen(&seats(6, 3), 0), [Hidden, Large, Small, Small, Hidden, Hidden]);
    }

    #[test]
    fn others_speak_in_the_next_turn() {
        let mut seats = seats(6, 3);
        let speaking = |seats: &Seats| (0..6).filter(|participant| seats.speaks(*participant)).collect::<Vec<_>>();
        assert_eq!(speaking(&seats), [0, 1]);
        seats.turn = 1;
        assert_eq!(speaking(&seats), [2, 3]);
        seats.turn = 3;
        assert_eq!(speaking(&seats), [0, 1]);
    }
}
