//! Which worker a packet belongs to, and the way there.
//!
//! STUN binding requests tell it themselves (their USERNAME begins with our ufrag, and that with the worker's index).
//! Everything else goes by the address that it comes from, once the worker has authenticated a request from there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossbeam_channel::TrySendError;
use visavis_sfu::{Protocol, RelayedMedia, Route, is_request, request_ufrag, shard_of_ufrag};

use crate::inbox::Post;

/// Packets for one worker that arrived together; one allocation for all their bytes.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    packets: Vec<Packet>,
}

#[derive(Debug)]
struct Packet {
    protocol: Protocol,
    source: SocketAddr,
    destination: SocketAddr,
    range: Range<usize>,
}

impl Batch {
    fn push(&mut self, protocol: Protocol, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.packets.push(Packet { protocol, source, destination, range: start..self.bytes.len() });
    }

    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Protocol, source, destination and payload of each packet, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (Protocol, SocketAddr, SocketAddr, &[u8])> {
        self.packets
            .iter()
            .map(|packet| (packet.protocol, packet.source, packet.destination, &self.bytes[packet.range.clone()]))
    }
}

/// What comes to a worker from other threads.
#[derive(Debug)]
pub(crate) enum Arrivals {
    /// From clients.
    Read(Batch),
    /// From the worker with this index.
    Relayed(u16, RelayedMedia),
}

impl Arrivals {
    fn len(&self) -> usize {
        match self {
            Self::Read(batch) => batch.len(),
            Self::Relayed(_, media) => media.len(),
        }
    }
}

/// Shared by the threads that read and the workers.
#[derive(Debug)]
pub(crate) struct Router {
    routes: RwLock<HashMap<(Protocol, SocketAddr), u16>>,
    workers: Vec<Post<Arrivals>>,
    dropped: AtomicU64,
    began: Instant,
    /// Until when somebody connects, in milliseconds since then.
    newcomers_until: AtomicU64,
}

impl Router {
    pub fn new(workers: Vec<Post<Arrivals>>) -> Self {
        let (dropped, newcomers_until) = Default::default();
        Self { routes: RwLock::default(), workers, dropped, began: Instant::now(), newcomers_until }
    }

    /// Packets that belong to nobody or that their worker had no room for.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub fn count_dropped(&self, packets: usize) {
        self.dropped.fetch_add(packets as u64, Ordering::Relaxed);
    }

    /// A worker has somebody who connects, until then.
    pub fn expect_newcomers(&self, until: Instant) {
        let until = until.saturating_duration_since(self.began).as_millis() as u64;
        if self.newcomers_until.load(Ordering::Relaxed) < until {
            self.newcomers_until.fetch_max(until, Ordering::Relaxed);
        }
    }

    /// Whether somebody connects: checks shall not wait.
    pub fn has_newcomers(&self, now: Instant) -> bool {
        (now.saturating_duration_since(self.began).as_millis() as u64) < self.newcomers_until.load(Ordering::Relaxed)
    }

    /// Follows a change that worker `index` tells.
    pub fn apply(&self, index: u16, route: Route) {
        let key = (route.protocol, route.source);
        let mut routes = self.routes.write().expect("nothing panics while it holds the routes");
        if route.add {
            routes.insert(key, index);
        } else if routes.get(&key) == Some(&index) {
            // Only its own: the address may belong to a participant of another worker by now.
            routes.remove(&key);
        }
    }

    /// Forgets all routes of a worker that starts anew.
    pub fn forget_worker(&self, index: u16) {
        self.routes.write().expect("nothing panics while it holds the routes").retain(|_, worker| *worker != index);
    }

    /// Whether a peer has been authenticated.
    pub fn knows(&self, protocol: Protocol, source: SocketAddr) -> bool {
        self.routes.read().expect("nothing panics while it holds the routes").contains_key(&(protocol, source))
    }

    /// The peer has closed its connection.
    pub fn forget_peer(&self, protocol: Protocol, source: SocketAddr) {
        self.routes.write().expect("nothing panics while it holds the routes").remove(&(protocol, source));
    }

    /// Hands over without waiting: who does not keep up loses packets, as in any full queue on the way.
    pub fn deliver(&self, worker: usize, arrivals: Arrivals) {
        let Some(post) = self.workers.get(worker) else { return };
        match post.try_send(arrivals) {
            Ok(()) => {}
            Err(TrySendError::Full(arrivals) | TrySendError::Disconnected(arrivals)) => {
                self.count_dropped(arrivals.len());
            }
        }
    }

    /// Where to collect packets that were read together.
    pub fn sorter(&self) -> Sorter<'_> {
        Sorter { router: self, batches: self.workers.iter().map(|_| Batch::default()).collect() }
    }

    fn worker_of(&self, protocol: Protocol, source: SocketAddr, payload: &[u8]) -> Option<usize> {
        let index = if is_request(payload) {
            shard_of_ufrag(request_ufrag(payload)?)?
        } else {
            *self.routes.read().expect("nothing panics while it holds the routes").get(&(protocol, source))?
        };
        Some(usize::from(index)).filter(|index| *index < self.workers.len())
    }
}

/// Sorts packets by worker; `deliver` hands them over.
#[derive(Debug)]
pub(crate) struct Sorter<'a> {
    router: &'a Router,
    batches: Vec<Batch>,
}

impl Sorter<'_> {
    pub fn push(&mut self, protocol: Protocol, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        match self.router.worker_of(protocol, source, payload) {
            Some(worker) => self.batches[worker].push(protocol, source, destination, payload),
            None => self.router.count_dropped(1),
        }
    }

    /// Hands everything over.
    pub fn deliver(&mut self) {
        for (worker, batch) in self.batches.iter_mut().enumerate() {
            if batch.len() > 0 {
                self.router.deliver(worker, Arrivals::Read(std::mem::take(batch)));
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::inbox::tests::queue;

    /// A STUN binding request with nothing but this USERNAME.
    pub(crate) fn request(username: &[u8]) -> Vec<u8> {
        let length = username.len() as u8;
        let padded = length.next_multiple_of(4);
        let mut packet = vec![0, 1, 0, 4 + padded, 0x21, 0x12, 0xa4, 0x42];
        packet.extend([7; 12]);
        packet.extend([0, 6, 0, length]);
        packet.extend(username);
        packet.resize(packet.len() + usize::from(padded - length), 0);
        packet
    }

    const HERE: ([u8; 4], u16) = ([10, 0, 0, 1], 1);
    const THERE: ([u8; 4], u16) = ([10, 0, 0, 2], 2);

    fn deliver(router: &Router, payload: &[u8]) {
        let mut sorter = router.sorter();
        sorter.push(Protocol::Udp, THERE.into(), HERE.into(), payload);
        sorter.deliver();
    }

    fn route(add: bool) -> Route {
        Route { protocol: Protocol::Udp, source: THERE.into(), add }
    }

    #[test]
    fn there_are_newcomers_until_the_last_that_a_worker_expects() {
        let router = Router::new(Vec::new());
        let now = Instant::now();
        let after = |ms| now + Duration::from_millis(ms);
        assert!(!router.has_newcomers(now));
        router.expect_newcomers(after(900));
        router.expect_newcomers(after(300));
        assert!(router.has_newcomers(after(800)) && !router.has_newcomers(after(901)));
    }

    #[test]
    fn requests_go_by_their_ufrag_and_the_rest_by_authenticated_source() {
        let (channels, inboxes): (Vec<_>, Vec<_>) = (0..2).map(|_| queue(8)).unzip();
        let router = Router::new(channels);
        deliver(&router, &request(b"01ab:cd"));
        assert_eq!(inboxes[1].try_recv().map(|batch| batch.len()), Ok(1));
        deliver(&router, &[0x16; 40]);
        assert_eq!(router.dropped(), 1, "a source that nobody authenticated");
        router.apply(1, route(true));
        deliver(&router, &[0x16; 40]);
        assert_eq!(inboxes[1].try_recv().map(|batch| batch.len()), Ok(1));
        router.apply(0, route(false));
        assert!(router.knows(Protocol::Udp, THERE.into()), "a worker removes its own routes only");
        router.apply(1, route(false));
        deliver(&router, &[0x16; 40]);
        assert_eq!(router.dropped(), 2);
    }

    #[test]
    fn a_shard_that_does_not_exist_gets_nothing() {
        let (channel, _inbox) = queue(1);
        let router = Router::new(vec![channel]);
        deliver(&router, &request(b"zz:theirs"));
        assert_eq!(router.dropped(), 1);
    }

    #[test]
    fn a_full_worker_loses_packets_and_blocks_nobody() {
        let (channel, inbox) = queue(1);
        let router = Router::new(vec![channel]);
        router.apply(0, route(true));
        for _ in 0..3 {
            deliver(&router, &[0x80; 12]);
        }
        assert_eq!((router.dropped(), inbox.len()), (2, 1));
    }

    #[test]
    fn a_request_goes_to_the_worker_it_names_whatever_the_address_was_learned_for() {
        let (channels, inboxes): (Vec<_>, Vec<_>) = (0..2).map(|_| queue(8)).unzip();
        let router = Router::new(channels);
        router.apply(0, route(true));
        deliver(&router, &request(b"01ab:cd"));
        assert_eq!((inboxes[0].len(), inboxes[1].len()), (0, 1));
        // Only the worker's word moves the address: the request may be forged.
        deliver(&router, &[0x80; 12]);
        assert_eq!((inboxes[0].len(), inboxes[1].len()), (1, 1));
        router.apply(1, route(true));
        deliver(&router, &[0x80; 12]);
        assert_eq!((inboxes[0].len(), inboxes[1].len()), (1, 2));
    }

    #[test]
    fn a_request_that_names_nobody_is_dropped_even_from_a_known_address() {
        let (channel, inbox) = queue(8);
        let router = Router::new(vec![channel]);
        router.apply(0, route(true));
        for username in [&b""[..], b"0", b"A0:x", b"00nocolon", &[0xff, b':']] {
            deliver(&router, &request(username));
        }
        deliver(&router, &request(b"00ab:cd")[..20]);
        assert_eq!((router.dropped(), inbox.len()), (6, 0));
    }

    #[test]
    fn addresses_are_forgotten_with_their_peer_and_their_worker() {
        let (channels, _inboxes): (Vec<_>, Vec<_>) = (0..2).map(|_| queue(8)).unzip();
        let router = Router::new(channels);
        let tcp = Route { protocol: Protocol::Tcp, source: THERE.into(), add: true };
        router.apply(0, route(true));
        router.apply(1, tcp);
        assert!(router.knows(Protocol::Tcp, THERE.into()));
        router.forget_peer(Protocol::Tcp, THERE.into());
        assert!(!router.knows(Protocol::Tcp, THERE.into()) && router.knows(Protocol::Udp, THERE.into()));
        router.apply(1, tcp);
        router.forget_worker(0);
        assert!(router.knows(Protocol::Tcp, THERE.into()) && !router.knows(Protocol::Udp, THERE.into()));
    }

    #[test]
    fn packets_of_a_batch_keep_their_order_and_their_bounds() {
        let (channel, inbox) = queue(8);
        let router = Router::new(vec![channel]);
        router.apply(0, route(true));
        let mut sorter = router.sorter();
        for length in [3, 0, 1500, 1] {
            sorter.push(Protocol::Udp, THERE.into(), HERE.into(), &vec![0x80 | length as u8; length]);
        }
        sorter.deliver();
        sorter.deliver();
        let Ok(Arrivals::Read(batch)) = inbox.try_recv() else { panic!("one batch") };
        let lengths: Vec<usize> = batch.iter().map(|(.., payload)| payload.len()).collect();
        assert_eq!((lengths, inbox.len()), (vec![3, 0, 1500, 1], 0));
    }
}
