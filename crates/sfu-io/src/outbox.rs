//! What the core says, on its way to Python: a queue, and a pipe that is readable while the queue is not empty.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard};

use visavis_sfu::Event;

/// With so many events waiting, those that only repeat how things are (speakers, qualities) are dropped: they come again,
/// and nothing else that the core says of itself grows while nobody listens.
const MANY: usize = 16_384;

/// Shared by the workers, which push, and the control plane, which takes.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    descriptor: RawFd,
}

#[derive(Debug)]
struct Waiting {
    events: VecDeque<Event>,
    /// Has one byte in it exactly while there are events.
    readable: PipeReader,
    writable: PipeWriter,
}

impl Outbox {
    pub fn new() -> io::Result<Self> {
        let (readable, writable) = io::pipe()?;
        let descriptor = readable.as_raw_fd();
        Ok(Self { waiting: Mutex::new(Waiting { events: VecDeque::new(), readable, writable }), descriptor })
    }

    /// Readable while events wait.
    pub fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    pub fn push(&self, events: impl IntoIterator<Item = Event>) {
        let mut waiting = self.lock();
        let was_empty = waiting.events.is_empty();
        for event in events {
            let repeats = matches!(event, Event::Speakers { .. } | Event::Quality { .. });
            if !repeats || waiting.events.len() < MANY {
                waiting.events.push_back(event);
            }
        }
        if was_empty && !waiting.events.is_empty() {
            // One byte fits into an empty pipe, so this neither blocks nor fails.
            let _ = waiting.writable.write_all(&[1]);
        }
    }

    /// Everything that waits, oldest first.
    pub fn take(&self) -> VecDeque<Event> {
        let mut waiting = self.lock();
        if !waiting.events.is_empty() {
            // The byte is there (see `push`), so this does not block.
            let _ = waiting.readable.read_exact(&mut [0]);
        }
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
        Event::DataChannelsOpen { participant: participant.into() }
    }

    fn is_readable(outbox: &Outbox) -> bool {
        let before = std::time::Instant::now();
        wait(&[outbox.descriptor()], libc::POLLIN, 50);
        before.elapsed() < std::time::Duration::from_millis(40)
    }

    #[test]
    fn is_readable_exactly_while_events_wait() {
        let outbox = Outbox::new().expect("a pipe");
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
    fn who_does_not_listen_loses_what_would_only_repeat() {
        let outbox = Outbox::new().expect("a pipe");
        let speakers = || Event::Speakers { room: "RM_a".into(), levels: vec![] };
        outbox.push(std::iter::repeat_with(speakers).take(MANY + 10));
        outbox.push([event("a")]);
        let taken = outbox.take();
        assert_eq!((taken.len(), taken.back()), (MANY + 1, Some(&event("a"))));
        outbox.push([speakers()]);
        assert_eq!(outbox.take().len(), 1, "it listens again");
    }
}
