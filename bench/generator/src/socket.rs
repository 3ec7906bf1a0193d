//! UDP sockets of the clients: many datagrams with one call, each with the time at which the kernel got it and with the
//! number that the kernel had no room for.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// Datagrams read with one call.
const BATCH: usize = 32;
const MAX_DATAGRAM: usize = 2048;
const CONTROL_BYTES: usize = 128;
const BUFFER_BYTES: libc::c_int = 4 << 20;

/// Nanoseconds of the wall clock: the clock of the kernel's receive times.
pub fn wall_nanoseconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

/// Memory that batches are read into.
pub struct Buffers {
    data: Vec<[u8; MAX_DATAGRAM]>,
    control: Vec<[u64; CONTROL_BYTES / 8]>,
    addresses: Vec<libc::sockaddr_in>,
    lengths: Vec<usize>,
    times: Vec<u64>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

impl Buffers {
    /// For one batch at a time.
    pub fn new() -> Self {
        // SAFETY: all-zero is a valid sockaddr_in.
        let address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        Self {
            data: vec![[0; MAX_DATAGRAM]; BATCH],
            control: vec![[0; CONTROL_BYTES / 8]; BATCH],
            addresses: vec![address; BATCH],
            lengths: vec![0; BATCH],
            times: vec![0; BATCH],
        }
    }

    /// The datagram at `index`: sender, time of arrival, contents.
    pub fn datagram(&self, index: usize) -> (SocketAddr, u64, &[u8]) {
        let address = &self.addresses[index];
        let source = (address.sin_addr.s_addr.to_ne_bytes(), u16::from_be(address.sin_port)).into();
        (source, self.times[index], &self.data[index][..self.lengths[index]])
    }
}

/// A socket on loopback.
pub struct Socket {
    socket: UdpSocket,
    /// Its own.
    pub address: SocketAddr,
    /// Datagrams that the kernel dropped because this socket was not read fast enough.
    pub overflow: u32,
}

impl Socket {
    /// On a port that the kernel picks.
    pub fn bind() -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        for (option, value) in [
            (libc::SO_TIMESTAMPNS, 1),
            (libc::SO_RXQ_OVFL, 1),
            (libc::SO_RCVBUF, BUFFER_BYTES),
            (libc::SO_SNDBUF, BUFFER_BYTES),
        ] {
            // SAFETY: the value is an int that lives until the call returns, and its length is told.
            let result = unsafe {
                libc::setsockopt(
                    socket.as_raw_fd(),
                    libc::SOL_SOCKET,
                    option,
                    std::ptr::from_ref(&value).cast(),
                    size_of::<libc::c_int>() as libc::socklen_t,
                )
            };
            if result != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        let address = socket.local_addr()?;
        Ok(Self { socket, address, overflow: 0 })
    }

    /// Sends, or not: a full buffer loses the packet as a network does.
    pub fn send(&self, to: SocketAddr, contents: &[u8]) {
        let _ = self.socket.send_to(contents, to);
    }

    /// Reads one batch; returns how many came, and whether there may be more.
    pub fn receive(&mut self, buffers: &mut Buffers) -> (usize, bool) {
        let mut vectors: [libc::iovec; BATCH] = std::array::from_fn(|index| libc::iovec {
            iov_base: buffers.data[index].as_mut_ptr().cast(),
            iov_len: MAX_DATAGRAM,
        });
        // SAFETY: all-zero is a valid mmsghdr (null pointers, zero lengths).
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        for (index, header) in headers.iter_mut().enumerate() {
            header.msg_hdr.msg_name = std::ptr::from_mut(&mut buffers.addresses[index]).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_hdr.msg_iov = &mut vectors[index];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = buffers.control[index].as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES;
        }
        // SAFETY: there are BATCH headers, each points to an address, a vector with its buffer, and control memory of the
        // told lengths, which live longer than the call and which nothing else refers to during it.
        let count = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        for (index, header) in headers.iter().enumerate().take(count) {
            buffers.lengths[index] = header.msg_len as usize;
            buffers.times[index] = 0;
            // SAFETY: the header's control memory was filled by the kernel, which told its length; the CMSG macros stay
            // within it, and what they point to is at least as long as the type that the kernel documents.
            unsafe {
                let mut control = libc::CMSG_FIRSTHDR(&header.msg_hdr);
                while !control.is_null() {
                    let data = libc::CMSG_DATA(control);
                    match (*control).cmsg_type {
                        libc::SCM_TIMESTAMPNS => {
                            let time: libc::timespec = data.cast::<libc::timespec>().read_unaligned();
                            buffers.times[index] = time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
                        }
                        libc::SO_RXQ_OVFL => self.overflow = data.cast::<u32>().read_unaligned(),
                        _ => {}
                    }
                    control = libc::CMSG_NXTHDR(&header.msg_hdr, control);
                }
            }
        }
        (count, count == BATCH)
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
