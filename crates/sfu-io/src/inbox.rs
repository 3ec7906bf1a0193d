//! What waits for a worker, and the bell that wakes it: a worker that also waits for sockets cannot wait on a channel.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};

/// A counter of the kernel's, readable while it is not zero; reading never blocks.
pub(crate) fn eventfd() -> io::Result<File> {
    // SAFETY: it takes no pointers.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened just now, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }.into())
}

/// Wakes one thread that waits in [`Bell::wait`]; costs a system call only while that thread sleeps.
#[derive(Debug)]
pub(crate) struct Bell {
    /// An eventfd.
    event: File,
    is_awaited: AtomicBool,
}

impl Bell {
    pub fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self { event: eventfd()?, is_awaited: AtomicBool::new(false) }))
    }

    pub fn ring(&self) {
        if self.is_awaited.swap(false, Ordering::SeqCst) {
            // It adds to a counter that is read at each wake, so there is room.
            let _ = (&self.event).write_all(&1_u64.to_ne_bytes());
        }
    }

    /// Waits for the bell, for something to read from one of the descriptors, or for so long; not at all if
    /// `has_waiting`. True at a descriptor's place: read it.
    pub fn wait(&self, waited: &mut Waited, timeout: Duration, has_waiting: impl Fn() -> bool) {
        // In this order: what is handed over before is seen, and what is handed over after rings.
        self.is_awaited.store(true, Ordering::SeqCst);
        let timeout = if has_waiting() { Duration::ZERO } else { timeout };
        let timeout = libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: libc::c_long::from(timeout.subsec_nanos()),
        };
        waited.polled[0].fd = self.event.as_raw_fd();
        waited.polled.iter_mut().for_each(|polled| polled.revents = 0);
        let heeded = if waited.is_patient { waited.first_patient } else { waited.polled.len() };
        // SAFETY: there are as many descriptors as told, and no signal mask. An error is as good as a time-out: callers
        // look for themselves.
        unsafe {
            let polled = waited.polled.as_mut_ptr();
            libc::ppoll(polled, heeded as libc::nfds_t, &raw const timeout, std::ptr::null())
        };
        self.is_awaited.store(false, Ordering::SeqCst);
        if waited.polled[0].revents != 0 {
            let _ = (&self.event).read_exact(&mut [0; 8]);
        }
    }
}

/// Descriptors to wait for beside a bell, and those of what may wait.
pub(crate) struct Waited {
    polled: Vec<libc::pollfd>,
    first_patient: usize,
    /// Those that may wait are not waited for.
    is_patient: bool,
}

impl Waited {
    pub fn new(descriptors: impl IntoIterator<Item = RawFd>, patient: impl IntoIterator<Item = RawFd>) -> Self {
        let polled = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut all: Vec<_> = std::iter::once(-1).chain(descriptors).map(polled).collect();
        let first_patient = all.len();
        all.extend(patient.into_iter().map(polled));
        Self { polled: all, first_patient, is_patient: false }
    }

    /// From now on what may wait is not waited for, or is.
    pub fn set_patient(&mut self, is_patient: bool) {
        self.is_patient = is_patient;
    }

    /// Whether the last wait found something to read there.
    pub fn is_readable(&self, index: usize) -> bool {
        self.polled[index + 1].revents != 0
    }

    /// Whether it found something to read anywhere, but for what may wait.
    pub fn has_readable(&self) -> bool {
        self.polled[1..self.first_patient].iter().any(|polled| polled.revents != 0)
    }

    /// Whether something that may wait is there, as far as the last wait tells: where it was not waited for, maybe.
    pub fn may_have_patient(&self) -> bool {
        self.is_patient || self.polled[self.first_patient..].iter().any(|polled| polled.revents != 0)
    }
}

/// The way into a queue whose reader waits for the bell.
#[derive(Debug)]
pub(crate) struct Post<T> {
    queue: Sender<T>,
    bell: Arc<Bell>,
}

impl<T> Clone for Post<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), bell: self.bell.clone() }
    }
}

impl<T> Post<T> {
    pub fn new(queue: Sender<T>, bell: Arc<Bell>) -> Self {
        Self { queue, bell }
    }

    /// Hands it over unless the queue is full or nobody reads it.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.queue.try_send(item)?;
        self.bell.ring();
        Ok(())
    }
}

/// A worker's side.
pub(crate) struct Inbox<O, P> {
    pub orders: Receiver<O>,
    pub packets: Receiver<P>,
    pub bell: Arc<Bell>,
}

impl<O, P> Inbox<O, P> {
    /// As [`Bell::wait`], until something is in it.
    pub fn wait(&self, waited: &mut Waited, timeout: Duration) {
        self.bell.wait(waited, timeout, || !self.orders.is_empty() || !self.packets.is_empty());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A queue whose bell nobody waits for.
    pub(crate) fn queue<T>(capacity: usize) -> (Post<T>, Receiver<T>) {
        let (sender, receiver) = crossbeam_channel::bounded(capacity);
        (Post::new(sender, Bell::new().expect("an eventfd")), receiver)
    }

    #[test]
    fn nothing_that_is_handed_over_is_slept_through() {
        const ITEMS: u32 = 20_000;
        let bell = Bell::new().expect("an eventfd");
        let (orders, packets) = (crossbeam_channel::unbounded(), crossbeam_channel::unbounded());
        let inbox = Inbox { orders: orders.1, packets: packets.1, bell: bell.clone() };
        let posts = [Post::new(orders.0, bell.clone()), Post::new(packets.0, bell)];
        let writers = posts.map(|post| {
            std::thread::spawn(move || {
                for item in 0..ITEMS {
                    post.try_send(item).expect("somebody reads");
                    if item % 7 == 0 {
                        std::thread::yield_now();
                    }
                }
            })
        });
        let began = Instant::now();
        let (mut waited, mut counts) = (Waited::new([], []), [0, 0]);
        while counts != [ITEMS; 2] {
            inbox.wait(&mut waited, LONG);
            counts[0] += inbox.orders.try_iter().count() as u32;
            counts[1] += inbox.packets.try_iter().count() as u32;
        }
        assert!(began.elapsed() < LONG, "one ring was missed");
        for writer in writers {
            writer.join().expect("it does not panic");
        }
    }

    #[test]
    fn a_descriptor_or_the_time_ends_the_wait_and_an_old_ring_only_once() {
        let bell = Bell::new().expect("an eventfd");
        let (readable, mut writable) = io::pipe().expect("a pipe");
        let mut waited = Waited::new([readable.as_raw_fd()], []);
        bell.wait(&mut waited, Duration::from_millis(5), || false);
        assert!(!waited.is_readable(0));
        writable.write_all(&[1]).expect("room for a byte");
        bell.wait(&mut waited, LONG, || false);
        assert!(waited.is_readable(0));
        (&readable).read_exact(&mut [0]).expect("a byte");
        // Nobody waits: it costs nothing and wakes nobody later.
        bell.ring();
        let before = Instant::now();
        bell.wait(&mut waited, Duration::from_millis(20), || false);
        assert!(before.elapsed() >= Duration::from_millis(20) && !waited.is_readable(0));
    }

    #[test]
    fn what_may_wait_ends_the_wait_only_where_it_is_waited_for() {
        let bell = Bell::new().expect("an eventfd");
        let (readable, mut writable) = io::pipe().expect("a pipe");
        writable.write_all(&[1]).expect("room for a byte");
        let mut waited = Waited::new([], [readable.as_raw_fd()]);
        waited.set_patient(true);
        let before = Instant::now();
        bell.wait(&mut waited, Duration::from_millis(20), || false);
        assert!(before.elapsed() >= Duration::from_millis(20) && waited.may_have_patient());
        waited.set_patient(false);
        bell.wait(&mut waited, LONG, || false);
        assert!(before.elapsed() < LONG && waited.may_have_patient() && !waited.has_readable());
        (&readable).read_exact(&mut [0]).expect("a byte");
        bell.wait(&mut waited, Duration::ZERO, || false);
        assert!(!waited.may_have_patient());
    }
}
