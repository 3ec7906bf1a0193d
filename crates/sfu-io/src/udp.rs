//! UDP sockets that read and write many datagrams with one system call.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Domain, Protocol, Socket, Type};

use crate::patient::split_off;
use crate::segments::{Messages, Sending, can_segment};

/// Datagrams read or written with one call.
pub(crate) const BATCH: usize = 64;
/// Larger than any packet of WebRTC; what is longer is cut and then fails to decrypt.
pub(crate) const MAX_DATAGRAM: usize = 2048;
/// The kernel gives what it may (`net.core.rmem_max`), so asking for too much does no harm.
const BUFFER_BYTES: usize = 8 << 20;
/// What a datagram is charged for by the kernel at most, in bytes: as much memory as drivers take for a frame, and what describes it.
const LARGEST_CHARGE: usize = 2304;
/// How long a full send buffer is waited for before packets are dropped.
const FULL_BUFFER_MILLISECONDS: i32 = 5;

/// A bound, non-blocking socket.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    socket: Socket,
    /// What may wait comes here, where the kernel can sort it out.
    patient: Option<Socket>,
    local: SocketAddr,
    /// The kernel takes several packets as one (UDP_SEGMENT, since Linux 4.18).
    segments: AtomicBool,
}

impl UdpSocket {
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = open(address)?;
        socket.bind(&address.into())?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        let patient = open(local).and_then(|second| split_off(&socket, second));
        let patient = patient.inspect_err(|error| tracing::info!(%error, "what may wait comes with the rest")).ok();
        Ok(Self { segments: can_segment(&socket).into(), socket, patient, local })
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Where what may wait comes, if not with the rest.
    pub fn patient(&self) -> Option<&Socket> {
        self.patient.as_ref()
    }

    /// Sends what can be sent; returns how many could not. `packets` is emptied.
    pub fn send(&self, packets: &mut Vec<(SocketAddr, Vec<u8>)>, sending: &mut Sending) -> usize {
        let lost =
            self.send_runs(packets.iter().map(|(to, packet)| (*to, std::iter::once(packet.as_slice()))), sending);
        packets.clear();
        lost
    }

    /// The same for packets by where they go: neighbours of one length go through the kernel as one, which cuts them apart
    /// at its end.
    pub fn send_runs<'a, P>(&self, runs: impl Iterator<Item = (SocketAddr, P)>, sending: &mut Sending) -> usize
    where
        P: Iterator<Item = &'a [u8]>,
    {
        let mut lost = 0;
        let mut messages = Messages::new(sending);
        for (to, packets) in runs {
            for packet in packets {
                let joins = self.segments.load(Ordering::Relaxed);
                if messages.len() == BATCH && !(joins && messages.takes(to, packet.len())) {
                    lost += self.flush(&mut messages);
                }
                messages.push(to, packet, joins);
            }
        }
        lost + self.flush(&mut messages)
    }

    /// Sends all of the messages; returns how many packets could not be sent.
    fn flush(&self, messages: &mut Messages<'_, '_>) -> usize {
        let (mut done, mut lost, mut has_waited) = (0, 0, false);
        while done < messages.len() {
            let headers = messages.headers(done);
            // SAFETY: `headers` are as many as told; each points to an address, to vectors (and these to packets that
            // `messages` borrows) and to control data, which all live longer than this call and are only read.
            let sent = unsafe {
                libc::sendmmsg(self.socket.as_raw_fd(), headers.as_mut_ptr(), headers.len() as libc::c_uint, 0)
            };
            if sent > 0 {
                done += sent as usize;
                continue;
            }
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock if !has_waited => {
                    has_waited = true;
                    wait(&[self.socket.as_raw_fd()], libc::POLLOUT, FULL_BUFFER_MILLISECONDS);
                }
                io::ErrorKind::WouldBlock => {
                    lost += messages.packets_from(done);
                    break;
                }
                // The way there cannot cut packets apart: they go one by one, and with others it is not tried again.
                _ if messages.is_joined(done) => {
                    if error.raw_os_error() != Some(libc::EMSGSIZE) {
                        self.segments.store(false, Ordering::Relaxed);
                    }
                    lost += messages.packets_of(done).filter(|(to, packet)| !self.send_one(*to, packet)).count();
                    done += 1;
                }
                // One destination is bad (unreachable, refused): that packet is lost, the others go on.
                _ => {
                    lost += 1;
                    done += 1;
                }
            }
        }
        messages.clear();
        lost
    }

    fn send_one(&self, to: SocketAddr, packet: &[u8]) -> bool {
        self.socket.send_to(packet, &to.into()).is_ok()
    }
}

/// A socket that can be bound to an address of this kind.
fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // IPv4 has sockets of its own; mapped addresses would confuse candidates.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    // Best effort: the defaults work, only with more loss under bursts.
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
    Ok(socket)
}

/// How many datagrams surely have room in a socket's memory.
pub(crate) fn capacity(socket: &Socket) -> usize {
    socket.recv_buffer_size().map_or(usize::MAX, |bytes| bytes / LARGEST_CHARGE)
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Memory to receive one batch into.
pub(crate) struct Receiver {
    buffers: Vec<[u8; MAX_DATAGRAM]>,
    addresses: Vec<libc::sockaddr_storage>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// Of those that were read last.
    sources: Vec<SocketAddr>,
}

// SAFETY: its pointers are written anew before each use.
unsafe impl Send for Receiver {}

impl Receiver {
    pub fn new() -> Self {
        // SAFETY: all-zero is a valid sockaddr_storage.
        let address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let buffers = vec![[0; MAX_DATAGRAM]; BATCH];
        Self { buffers, addresses: vec![address; BATCH], vectors: Vec::new(), headers: Vec::new(), sources: Vec::new() }
    }

    /// Reads what waits, at most one batch. Returns how many datagrams there were.
    pub fn receive(&mut self, socket: &impl AsRawFd) -> usize {
        let Self { sources, buffers, addresses, vectors, headers } = self;
        let vector = |buffer: &mut [u8; MAX_DATAGRAM]| libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: MAX_DATAGRAM,
        };
        vectors.clear();
        vectors.extend(buffers.iter_mut().map(vector));
        headers.clear();
        for (address, vector) in addresses.iter_mut().zip(vectors) {
            // SAFETY: all-zero is a valid mmsghdr.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = std::ptr::from_mut(address).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            headers.push(header);
        }
        // SAFETY: `headers` has BATCH entries; each points to an address and through its vector to a buffer of the
        // told length, which live longer than this call and which nothing else refers to during it.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        // An error is "nothing there", or the echo of an earlier send (ICMP): either way there is nothing to read now.
        let received = usize::try_from(received).unwrap_or(0);
        let came = headers.iter().zip(addresses.iter()).take(received);
        sources.clear();
        sources.extend(came.map(|(header, address)| to_address(address, header.msg_hdr.msg_namelen)));
        received
    }

    /// Where those come from that were read last.
    pub fn sources(&self) -> &[SocketAddr] {
        &self.sources
    }

    /// Those that were read last, each with where it comes from.
    pub fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let lengths = self.headers.iter().map(|header| header.msg_len as usize);
        let payloads = self.buffers.iter().zip(lengths).map(|(buffer, length)| &buffer[..length]);
        self.sources.iter().copied().zip(payloads)
    }
}

fn to_address(storage: &libc::sockaddr_storage, length: libc::socklen_t) -> SocketAddr {
    match i32::from(storage.ss_family) {
        libc::AF_INET if length as usize >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: the family and the length say that the kernel has written a sockaddr_in there; the storage is
            // large and aligned enough for any address.
            let address = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            (address.sin_addr.s_addr.to_ne_bytes(), u16::from_be(address.sin_port)).into()
        }
        libc::AF_INET6 if length as usize >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above, for sockaddr_in6.
            let address = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            (address.sin6_addr.s6_addr, u16::from_be(address.sin6_port)).into()
        }
        // Of no kind that such a socket has: it is nobody's.
        _ => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
    }
}

/// Waits until one of the descriptors is ready, or for so long.
pub(crate) fn wait(descriptors: &[RawFd], events: libc::c_short, milliseconds: i32) {
    let mut polled: Vec<libc::pollfd> =
        descriptors.iter().map(|fd| libc::pollfd { fd: *fd, events, revents: 0 }).collect();
    // SAFETY: `polled` has as many entries as told. An error is as good as a time-out: callers look for themselves.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds) };
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn pair() -> (UdpSocket, UdpSocket) {
        let bind = || UdpSocket::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        (bind(), bind())
    }

    /// The next packets that come, at least so many.
    fn received(socket: &impl AsRawFd, count: usize) -> Vec<Vec<u8>> {
        let (mut receiver, mut packets) = (Receiver::new(), Vec::new());
        while packets.len() < count {
            wait(&[socket.as_raw_fd()], libc::POLLIN, 1000);
            let came = receiver.receive(socket);
            packets.extend(receiver.datagrams().map(|(_, packet)| packet.to_vec()));
            assert!(came > 0, "only {} of {count} packets arrived", packets.len());
        }
        packets
    }

    #[test]
    fn datagrams_arrive_whole_and_with_their_sender() {
        let (from, to) = pair();
        let mut packets: Vec<_> =
            (0..BATCH as u8 + 9).map(|byte| (to.local(), vec![byte; usize::from(byte)])).collect();
        assert_eq!(from.send(&mut packets, &mut Sending::default()), 0);
        let mut receiver = Receiver::new();
        let mut lengths = Vec::new();
        while lengths.len() < BATCH + 9 {
            wait(&[to.as_raw_fd()], libc::POLLIN, 1000);
            let count = receiver.receive(&to);
            for (source, payload) in receiver.datagrams() {
                assert_eq!(source, from.local());
                assert!(payload.iter().all(|byte| usize::from(*byte) == payload.len()));
                lengths.push(payload.len());
            }
            assert!(count > 0, "only {} datagrams arrived", lengths.len());
        }
        assert_eq!(lengths, (0..BATCH + 9).collect::<Vec<_>>());
    }

    #[test]
    fn what_may_wait_comes_by_itself_and_all_else_together() {
        let loopback = UdpSocket::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        // Where there is IPv6.
        let loopback_6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0).into()).ok();
        for to in std::iter::once(loopback).chain(loopback_6) {
            let from = UdpSocket::bind((to.local().ip(), 0).into()).expect("a free port");
            let patient = to.patient().expect("Linux can sort it out since 4.5");
            let report = |first: u8, kind: u8, words: u8, length: usize| {
                let mut packet = vec![first, kind, 0, words];
                packet.resize(length, 7);
                packet
            };
            let stun = |kind: u16, cookie: u32, told: u16, length: usize| {
                let header = [&kind.to_be_bytes()[..], &told.to_be_bytes(), &cookie.to_be_bytes(), &[7; 12]];
                [&header.concat()[..], &vec![7; length]].concat()
            };
            // Transport-wide feedback, padded and not, with either trailer; receiver reports, of two streams and of none;
            // a check whether we are there.
            let waits = [
                report(0b1010_1111, 205, 6, 28 + 20),
                report(0b1000_1111, 205, 5, 24 + 14),
                report(0b1000_0010, 201, 13, 56 + 14),
                report(0b1010_0000, 201, 1, 8 + 20),
                stun(1, 0x2112_a442, 8, 8),
            ];
            // The same with a request for a picture or a farewell behind it, or more than STUN tells of, another cookie, requests alone, a sender report, media, the answer to a check,
            // DTLS, nearly nothing.
            let others = [
                report(0b1000_1111, 205, 5, 24 + 12 + 14),
                report(0b1000_1111, 205, 5, 24 + 12 + 20),
                report(0b1000_0001, 201, 7, 32 + 12 + 14),
                report(0b1000_0001, 201, 7, 32 + 8 + 14),
                stun(1, 0x2112_a442, 8, 12),
                stun(1, 0x2112_a443, 8, 8),
                stun(0x101, 0x2112_a442, 8, 8),
                report(0b1000_0001, 205, 3, 16 + 14),
                report(0b1000_1111, 206, 5, 24 + 14),
                report(0b1000_0001, 200, 12, 52 + 14),
                report(0b0100_0001, 201, 7, 32 + 14),
                vec![128, 96, 0, 1],
                vec![0, 1],
                vec![1, 1],
                vec![23, 254, 253],
                vec![205, 143],
                vec![143, 205],
                vec![0],
                vec![],
            ];
            // One by one: neighbours that cross the kernel as one are sorted as one.
            for packet in [&waits[..2], &others, &waits[2..]].concat() {
                assert!(from.send_one(to.local(), &packet));
            }
            for (socket, expected) in [(&to.socket, &others[..]), (patient, &waits)] {
                assert_eq!(received(socket, expected.len()), expected);
            }
        }
    }

    #[test]
    fn a_port_is_not_shared_with_another_server() {
        let (one, _) = pair();
        let error = UdpSocket::bind(one.local()).expect_err("it is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_bad_destination_loses_only_its_own_packet() {
        let (from, to) = pair();
        let nowhere = ([0, 0, 0, 0], 0).into();
        let mut packets = vec![(nowhere, vec![1]), (to.local(), vec![2]), (nowhere, vec![3]), (to.local(), vec![4])];
        assert_eq!(from.send(&mut packets, &mut Sending::default()), 2);
        let mut bytes = Vec::new();
        wait(&[to.as_raw_fd()], libc::POLLIN, 1000);
        let mut receiver = Receiver::new();
        receiver.receive(&to);
        receiver.datagrams().for_each(|(_, payload)| bytes.extend_from_slice(payload));
        assert_eq!(bytes, [2, 4]);
    }

    #[test]
    fn runs_arrive_as_the_packets_that_they_were() {
        let (from, one) = pair();
        let (two, _) = pair();
        for segments in [true, false] {
            from.segments.store(segments, Ordering::Relaxed);
            // As long as its neighbours, shorter at the end, longer again; more than the kernel takes at once.
            let lengths = [[700, 700, 700, 20, 700, 700, 1, 1100].as_slice(), &[1200; 150], &[5]].concat();
            let run: Vec<Vec<u8>> =
                lengths.iter().enumerate().map(|(index, length)| vec![index as u8; *length]).collect();
            let runs = [(one.local(), &run[..8]), (two.local(), &run[..]), (one.local(), &run[8..12])];
            let mut sending = Sending::default();
            let slices = runs.map(|(to, packets)| (to, packets.iter().map(Vec::as_slice)));
            assert_eq!(from.send_runs(slices.into_iter(), &mut sending), 0);
            for (socket, expected) in [(&one, &run[..12]), (&two, &run[..])] {
                assert!(received(socket, expected.len()) == expected, "segments: {segments}");
            }
            assert_eq!(from.segments.load(Ordering::Relaxed), segments, "loopback can do it");
        }
    }

    #[test]
    fn packets_that_lie_side_by_side_arrive_each_by_itself() {
        let (from, one) = pair();
        let (two, _) = pair();
        for segments in [true, false] {
            from.segments.store(segments, Ordering::Relaxed);
            let bytes: Vec<u8> = (0..5000).map(|index| (index / 7) as u8).collect();
            // With a gap before the third of the first run, which its second ends with a shorter one.
            let (first, second) = ([0..1000, 1000..2000, 2100..2500], [2500..3000, 3000..3500, 3500..4000, 4000..4001]);
            let packets = |ranges: &[std::ops::Range<usize>]| -> Vec<&[u8]> {
                ranges.iter().map(|range| &bytes[range.clone()]).collect()
            };
            let runs = [(one.local(), packets(&first)), (two.local(), packets(&second))];
            let slices = runs.iter().map(|(to, packets)| (*to, packets.iter().copied()));
            assert_eq!(from.send_runs(slices, &mut Sending::default()), 0);
            for (socket, (_, expected)) in [&one, &two].into_iter().zip(&runs) {
                assert!(received(socket, expected.len()) == *expected, "segments: {segments}");
            }
        }
    }

    #[test]
    fn a_bad_destination_loses_only_its_own_run() {
        let (from, to) = pair();
        let nowhere = ([0, 0, 0, 0], 0).into();
        let packets = [[1; 9], [2; 9], [3; 9]];
        let runs = [nowhere, to.local()].map(|to| (to, packets.iter().map(<[u8; 9]>::as_slice)));
        assert_eq!(from.send_runs(runs.into_iter(), &mut Sending::default()), 3);
        assert_eq!(received(&to, 3), packets);
    }

    #[test]
    fn nothing_waiting_is_nothing_read() {
        let (socket, _) = pair();
        let mut receiver = Receiver::new();
        assert_eq!((receiver.receive(&socket), receiver.datagrams().count()), (0, 0));
    }
}
