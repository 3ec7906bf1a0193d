//! What the core says, on its way to Python: a queue, and an eventfd that is readable while somebody should look into it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard};

use visavis_sfu::Event;

use crate::inbox::eventfd;

/// With so many events waiting, those that only repeat how things are (speakers, qualities) are dropped: they come again,
/// and nothing else that the core says of itself grows while nobody listens.
const MANY: usize = 16_384;

/// Shared by the workers, which push, and the control plane, which takes.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    bell: File,
}

#[derive(Debug)]
struct Waiting {
    events: VecDeque<Event>,
    has_rung: bool,
}

impl Outbox {
    pub fn new() -> io::Result<Self> {
        let waiting = Mutex::new(Waiting { events: VecDeque::new(), has_rung: false });
        Ok(Self { waiting, bell: eventfd()? })
    }

    /// Readable while events wait that somebody waits for.
    pub fn descriptor(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    pub fn push(&self, events: impl IntoIterator<Item = Event>) {
        let mut waiting = self.lock();
        let mut rings = false;
        for event in events {
            let repeats = matches!(event, Event::Speakers { .. } | Event::Quality { .. });
            if !repeats || waiting.events.len() < MANY {
                // Nothing follows from it, so it is told with what comes next: to wake up costs more than an event does.
                let may_wait = matches!(event, Event::DataChannelsOpen { .. });
                rings |= !waiting.has_rung && !may_wait;
                waiting.events.push_back(event);
            }
        }
        waiting.has_rung |= rings;
        // Who is woken by the bell takes the lock at once.
        drop(waiting);
        if rings {
            // It adds to a counter that is read at each wake, so there is room.
            let _ = (&self.bell).write_all(&1_u64.to_ne_bytes());
        }
    }

    /// Everything that waits, oldest first. It may be nothing: the bell rings after the events are there.
    pub fn take(&self) -> VecDeque<Event> {
        // In this order: what is pushed before the lock is taken, and what is pushed after rings. It does not block.
        let _ = (&self.bell).read_exact(&mut [0; 8]);
        let mut waiting = self.lock();
        waiting.has_rung = false;
        std::mem::take(&mut waiting.events)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing panics while it holds the events")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::udp::wait;

    fn event(participant: &str) -> Event {
        Event::ParticipantFailed { participant: participant.into(), reason: String::new() }
    }

    fn is_readable(outbox: &Outbox) -> bool {
        let before = std::time::Instant::now();
        wait(&[outbox.descriptor()], libc::POLLIN, 50);
        before.elapsed() < std::time::Duration::from_millis(40)
    }

    #[test]
    fn is_readable_while_events_wait() {
        let outbox = Outbox::new().expect("an eventfd");
        assert!(!is_readable(&outbox));
        outbox.push([event("a"), event("b")]);
        outbox.push([event("c")]);
        assert!(is_readable(&outbox));
        assert_eq!(outbox.take(), [event("a"), event("b"), event("c")]);
        assert!(!is_readable(&outbox));
        assert_eq!(outbox.take(), []);
        outbox.push([]);
        assert!(!is_readable(&outbox));
    }

    #[test]
    fn what_nothing_follows_from_wakes_nobody_and_keeps_its_place() {
        let outbox = Outbox::new().expect("an eventfd");
        let open = || Event::DataChannelsOpen { participant: "a".into() };
        outbox.push([open()]);
        assert!(!is_readable(&outbox));
        outbox.push([event("b")]);
        outbox.push([open()]);
        assert!(is_readable(&outbox));
        assert_eq!(outbox.take(), [open(), event("b"), open()]);
        assert!(!is_readable(&outbox));
    }

    #[test]
    fn who_does_not_listen_loses_what_would_only_repeat() {
        let outbox = Outbox::new().expect("an eventfd");
        let speakers = || Event::Speakers { room: "RM_a".into(), levels: vec![] };
        outbox.push(std::iter::repeat_with(speakers).take(MANY + 10));
        outbox.push([event("a")]);
        let taken = outbox.take();
        assert_eq!((taken.len(), taken.back()), (MANY + 1, Some(&event("a"))));
        outbox.push([speakers()]);
        assert_eq!(outbox.take().len(), 1, "it listens again");
    }
}
