//! What a packet to one subscriber takes at least.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use visavis_bench::socket::Socket;

use crate::clients::Clients;

const HEADER: usize = 12;
const TAG: usize = 16;
/// Messages for one `sendmmsg`.
const BATCH: usize = 64;

/// Bytes of the packet that carries a payload.
const fn sealed(payload: usize) -> usize {
    HEADER + payload + TAG
}

pub struct Subscriber {
    address: libc::sockaddr_in,
    key: LessSafeKey,
    sequence: u32,
}

impl Subscriber {
    fn new(number: usize, address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let SocketAddr::V4(address) = address else { return Err("loopback has no IPv4 address".into()) };
        // SAFETY: all-zero is a valid sockaddr_in.
        let mut raw: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        raw.sin_family = libc::AF_INET as libc::sa_family_t;
        raw.sin_port = address.port().to_be();
        raw.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
        let key = UnboundKey::new(&AES_128_GCM, &[number as u8; 16]).map_err(|_| "the key does not fit")?;
        Ok(Self { address: raw, key: LessSafeKey::new(key), sequence: 0 })
    }

    /// Writes header, payload and tag; the packet is as long as [`sealed`] says.
    fn seal(&mut self, payload: &[u8], packet: &mut [u8]) -> Result<(), Box<dyn Error>> {
        self.sequence += 1;
        let (header, rest) = packet.split_at_mut(HEADER);
        header[..2].copy_from_slice(&[0x80, 96]);
        header[2..4].copy_from_slice(&(self.sequence as u16).to_be_bytes());
        header[4..8].copy_from_slice(&(self.sequence.wrapping_mul(3000)).to_be_bytes());
        header[8..12].copy_from_slice(&7u32.to_be_bytes());
        let (body, tag) = rest.split_at_mut(payload.len());
        body.copy_from_slice(payload);
        let mut nonce = [0; 12];
        nonce[8..].copy_from_slice(&self.sequence.to_be_bytes());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body);
        tag.copy_from_slice(sealed.map_err(|_| "a packet cannot be sealed")?.as_ref());
        Ok(())
    }
}

/// So many subscribers, and their clients.
pub fn subscribers(count: usize) -> Result<(Vec<Subscriber>, Clients), Box<dyn Error>> {
    let sockets = (0..count).map(|_| Socket::bind()).collect::<Result<Vec<_>, _>>()?;
    let subscribers = sockets.iter().enumerate().map(|(number, socket)| Subscriber::new(number, socket.address));
    Ok((subscribers.collect::<Result<_, _>>()?, Clients::new(sockets)?))
}

/// Each payload to each subscriber: a message for each, which the kernel cuts into its packets. All payloads are as long as
/// the first. Returns how many packets went out.
pub fn forward<'p>(
    sender: &UdpSocket,
    subscribers: &mut [Subscriber],
    payloads: impl ExactSizeIterator<Item = &'p [u8]> + Clone,
    arena: &mut Vec<u8>,
) -> Result<usize, Box<dyn Error>> {
    let Some(length) = payloads.clone().next().map(|payload| sealed(payload.len())) else { return Ok(0) };
    let run = payloads.len();
    arena.resize(BATCH * run * length, 0);
    for crowd in subscribers.chunks_mut(BATCH) {
        for (subscriber, message) in crowd.iter_mut().zip(arena.chunks_mut(run * length)) {
            for (payload, packet) in payloads.clone().zip(message.chunks_mut(length)) {
                subscriber.seal(payload, packet)?;
            }
        }
        send(sender, crowd, arena, run, length)?;
    }
    Ok(subscribers.len() * run)
}

/// One message for each subscriber, of `run` segments.
fn send(
    sender: &UdpSocket,
    crowd: &mut [Subscriber],
    arena: &mut [u8],
    run: usize,
    length: usize,
) -> Result<(), Box<dyn Error>> {
    let mut vectors: Vec<libc::iovec> = arena
        .chunks_mut(run * length)
        .map(|message| libc::iovec { iov_base: message.as_mut_ptr().cast(), iov_len: message.len() })
        .collect();
    let mut controls = [[0u64; 4]; BATCH];
    let mut headers: Vec<libc::mmsghdr> = Vec::with_capacity(crowd.len());
    for ((subscriber, vector), control) in crowd.iter_mut().zip(&mut vectors).zip(&mut controls) {
        // SAFETY: all-zero is a valid mmsghdr.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_name = std::ptr::from_mut(&mut subscriber.address).cast();
        header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        if run > 1 {
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            // SAFETY: the control memory is aligned and larger than one message with a u16; the macros stay within it.
            unsafe {
                header.msg_hdr.msg_controllen = libc::CMSG_SPACE(size_of::<u16>() as libc::c_uint) as usize;
                let message = libc::CMSG_FIRSTHDR(&header.msg_hdr);
                (*message).cmsg_level = libc::SOL_UDP;
                (*message).cmsg_type = libc::UDP_SEGMENT;
                (*message).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as libc::c_uint) as usize;
                libc::CMSG_DATA(message).cast::<u16>().write_unaligned(length as u16);
            }
        }
        headers.push(header);
    }
    let mut done = 0;
    while done < headers.len() {
        let rest = &mut headers[done..];
        // SAFETY: there are as many headers as told, whose addresses, vectors and control memory outlive the call.
        let result = unsafe { libc::sendmmsg(sender.as_raw_fd(), rest.as_mut_ptr(), rest.len() as libc::c_uint, 0) };
        done += usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
    }
    Ok(())
}
