//! UDP sockets that read and write many datagrams with one system call.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Datagrams read or written with one call.
pub(crate) const BATCH: usize = 64;
/// Larger than any packet of WebRTC; what is longer is cut and then fails to decrypt.
pub(crate) const MAX_DATAGRAM: usize = 2048;
/// The kernel gives what it may (`net.core.rmem_max`), so asking for too much does no harm.
const BUFFER_BYTES: usize = 8 << 20;
/// How long a full send buffer is waited for before packets are dropped.
const FULL_BUFFER_MILLISECONDS: i32 = 5;

/// A bound, non-blocking socket.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    socket: Socket,
    local: SocketAddr,
}

impl UdpSocket {
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // IPv4 has sockets of its own; mapped addresses would confuse candidates.
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        // Best effort: the defaults work, only with more loss under bursts.
        let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(BUFFER_BYTES);
        socket.bind(&address.into())?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self { socket, local })
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends what can be sent; returns how many could not. `packets` is emptied.
    pub fn send(&self, packets: &mut Vec<(SocketAddr, Vec<u8>)>) -> usize {
        let mut lost = 0;
        for chunk in packets.chunks(BATCH) {
            lost += self.send_chunk(chunk);
        }
        packets.clear();
        lost
    }

    fn send_chunk(&self, packets: &[(SocketAddr, Vec<u8>)]) -> usize {
        let addresses: Vec<SockAddr> = packets.iter().map(|(to, _)| SockAddr::from(*to)).collect();
        let mut vectors: Vec<libc::iovec> = packets
            .iter()
            .map(|(_, payload)| libc::iovec { iov_base: payload.as_ptr().cast_mut().cast(), iov_len: payload.len() })
            .collect();
        let mut headers: Vec<libc::mmsghdr> = Vec::with_capacity(packets.len());
        for (address, vector) in addresses.iter().zip(&mut vectors) {
            // SAFETY: all-zero is a valid mmsghdr (null pointers, zero lengths).
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = address.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = address.len();
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            headers.push(header);
        }
        let mut sent = 0;
        let mut lost = 0;
        let mut has_waited = false;
        while sent + lost < headers.len() {
            let rest = &mut headers[sent + lost..];
            // SAFETY: `rest` points to as many headers as told; each points to an address and a vector, and that to a
            // payload, which all live until the end of this function and are only read.
            let result =
                unsafe { libc::sendmmsg(self.socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as libc::c_uint, 0) };
            if result > 0 {
                sent += result as usize;
                continue;
            }
            match io::Error::last_os_error().kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock if !has_waited => {
                    has_waited = true;
                    wait(&[self.socket.as_raw_fd()], libc::POLLOUT, FULL_BUFFER_MILLISECONDS);
                }
                io::ErrorKind::WouldBlock => return headers.len() - sent,
                // One destination is bad (unreachable, refused): that packet is lost, the others go on.
                _ => lost += 1,
            }
        }
        lost
    }
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
}

impl Receiver {
    pub fn new() -> Self {
        // SAFETY: all-zero is a valid sockaddr_storage.
        let address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        Self { buffers: vec![[0; MAX_DATAGRAM]; BATCH], addresses: vec![address; BATCH] }
    }

    /// Reads what waits, at most one batch, and hands each datagram over. Returns how many there were.
    pub fn receive(&mut self, socket: &UdpSocket, mut take: impl FnMut(SocketAddr, &[u8])) -> usize {
        let mut vectors: Vec<libc::iovec> = self
            .buffers
            .iter_mut()
            .map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: MAX_DATAGRAM })
            .collect();
        let mut headers: Vec<libc::mmsghdr> = Vec::with_capacity(BATCH);
        for (address, vector) in self.addresses.iter_mut().zip(&mut vectors) {
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
        for (index, header) in headers.iter().enumerate().take(received) {
            let length = header.msg_len as usize;
            if let Some(source) = to_address(&self.addresses[index], header.msg_hdr.msg_namelen) {
                take(source, &self.buffers[index][..length]);
            }
        }
        received
    }
}

fn to_address(storage: &libc::sockaddr_storage, length: libc::socklen_t) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET if length as usize >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: the family and the length say that the kernel has written a sockaddr_in there; the storage is
            // large and aligned enough for any address.
            let address = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            Some((address.sin_addr.s_addr.to_ne_bytes(), u16::from_be(address.sin_port)).into())
        }
        libc::AF_INET6 if length as usize >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above, for sockaddr_in6.
            let address = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            Some((address.sin6_addr.s6_addr, u16::from_be(address.sin6_port)).into())
        }
        _ => None,
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
    use super::*;

    fn pair() -> (UdpSocket, UdpSocket) {
        let bind = || UdpSocket::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        (bind(), bind())
    }

    #[test]
    fn datagrams_arrive_whole_and_with_their_sender() {
        let (from, to) = pair();
        let mut packets: Vec<_> =
            (0..BATCH as u8 + 9).map(|byte| (to.local(), vec![byte; usize::from(byte)])).collect();
        assert_eq!(from.send(&mut packets), 0);
        let mut receiver = Receiver::new();
        let mut lengths = Vec::new();
        while lengths.len() < BATCH + 9 {
            wait(&[to.as_raw_fd()], libc::POLLIN, 1000);
            let count = receiver.receive(&to, |source, payload| {
                assert_eq!(source, from.local());
                assert!(payload.iter().all(|byte| usize::from(*byte) == payload.len()));
                lengths.push(payload.len());
            });
            assert!(count > 0, "only {} datagrams arrived", lengths.len());
        }
        assert_eq!(lengths, (0..BATCH + 9).collect::<Vec<_>>());
    }

    #[test]
    fn a_bad_destination_loses_only_its_own_packet() {
        let (from, to) = pair();
        let nowhere = ([0, 0, 0, 0], 0).into();
        let mut packets = vec![(nowhere, vec![1]), (to.local(), vec![2]), (nowhere, vec![3]), (to.local(), vec![4])];
        assert_eq!(from.send(&mut packets), 2);
        let mut bytes = Vec::new();
        wait(&[to.as_raw_fd()], libc::POLLIN, 1000);
        Receiver::new().receive(&to, |_, payload| bytes.extend_from_slice(payload));
        assert_eq!(bytes, [2, 4]);
    }

    #[test]
    fn nothing_waiting_is_nothing_read() {
        let (socket, _) = pair();
        assert_eq!(Receiver::new().receive(&socket, |_, _| panic!("there is nothing")), 0);
    }
}
