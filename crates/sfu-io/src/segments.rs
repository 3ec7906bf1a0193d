//! Messages for one `sendmmsg`: packets of one length to one address are one message, which the kernel cuts apart (UDP_SEGMENT).
//!
//! Going through the kernel is most of what a packet costs; a frame of video to one receiver goes through it once.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use socket2::{SockAddr, Socket};

use crate::udp::BATCH;

/// The kernel's limits: packets of one message (UDP_MAX_SEGMENTS), and bytes of one datagram.
const MOST_PACKETS: usize = 64;
const MOST_BYTES: usize = 65_000;

/// Whether the kernel knows the option. Whether the way out can do it, only sending tells.
pub(crate) fn can_segment(socket: &Socket) -> bool {
    let mut value: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    let out = (&raw mut value).cast();
    // SAFETY: the kernel writes at most `length` bytes to `value`, which live during the call.
    unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, out, &raw mut length) == 0 }
}

/// Memory for messages, used again for each batch.
#[derive(Default)]
pub(crate) struct Sending {
    messages: Vec<Message>,
    /// A vector for each packet, and what the kernel is given: those that lie side by side as one.
    packets: Vec<libc::iovec>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    controls: Vec<Control>,
}

// SAFETY: its pointers are of the last batch, are never read, and are written anew before the next is sent.
unsafe impl Send for Sending {}

struct Message {
    to: SocketAddr,
    address: SockAddr,
    /// Its packets, and the kernel's vectors of them.
    first: usize,
    count: usize,
    first_vector: usize,
    vectors: usize,
    /// Bytes of all packets, and of each but the last.
    bytes: usize,
    each: usize,
    /// The last packet was shorter: nothing can follow.
    is_closed: bool,
}

/// Control data that says how long each packet is.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; Self::BYTES]);

impl Control {
    // SAFETY: CMSG_SPACE only computes.
    const BYTES: usize = unsafe { libc::CMSG_SPACE(size_of::<u16>() as libc::c_uint) } as usize;

    fn new(each: usize) -> Self {
        let mut control = Self([0; Self::BYTES]);
        let header = libc::cmsghdr {
            // SAFETY: CMSG_LEN only computes.
            cmsg_len: unsafe { libc::CMSG_LEN(size_of::<u16>() as libc::c_uint) } as usize,
            cmsg_level: libc::SOL_UDP,
            cmsg_type: libc::UDP_SEGMENT,
        };
        // SAFETY: the control is aligned as a header and longer than one, and a header is plain data.
        unsafe { control.0.as_mut_ptr().cast::<libc::cmsghdr>().write(header) };
        let data = size_of::<libc::cmsghdr>();
        control.0[data..data + size_of::<u16>()].copy_from_slice(&(each as u16).to_ne_bytes());
        control
    }
}

/// Messages that borrow the packets that they are of.
pub(crate) struct Messages<'s, 'p> {
    sending: &'s mut Sending,
    packets: PhantomData<&'p [u8]>,
}

impl<'s, 'p> Messages<'s, 'p> {
    pub fn new(sending: &'s mut Sending) -> Self {
        let mut messages = Self { sending, packets: PhantomData };
        messages.clear();
        messages
    }

    pub fn len(&self) -> usize {
        self.sending.messages.len()
    }

    pub fn clear(&mut self) {
        let Sending { messages, packets, vectors, headers, controls } = &mut *self.sending;
        messages.clear();
        packets.clear();
        vectors.clear();
        headers.clear();
        controls.clear();
    }

    /// Whether the last message takes one more packet.
    pub fn takes(&self, to: SocketAddr, length: usize) -> bool {
        self.sending.messages.last().is_some_and(|last| {
            !last.is_closed
                && last.to == to
                && length <= last.each
                && length > 0
                && last.count < MOST_PACKETS
                && last.bytes + length <= MOST_BYTES
        })
    }

    /// One packet more; `joins`: in a message with others, if it can be.
    pub fn push(&mut self, to: SocketAddr, packet: &'p [u8], joins: bool) {
        let takes = joins && self.takes(to, packet.len());
        let Sending { messages, packets, vectors, .. } = &mut *self.sending;
        let vector = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
        packets.push(vector);
        let Some(last) = messages.last_mut().filter(|_| takes) else {
            messages.push(Message {
                to,
                address: to.into(),
                first: packets.len() - 1,
                count: 1,
                first_vector: vectors.len(),
                vectors: 1,
                bytes: packet.len(),
                each: packet.len(),
                is_closed: false,
            });
            return vectors.push(vector);
        };
        last.count += 1;
        last.bytes += packet.len();
        last.is_closed = packet.len() < last.each;
        match vectors.last_mut() {
            Some(before) if before.iov_base.wrapping_byte_add(before.iov_len) == vector.iov_base => {
                before.iov_len += packet.len();
            }
            _ => {
                last.vectors += 1;
                vectors.push(vector);
            }
        }
    }

    /// What `sendmmsg` takes, from a message on.
    pub fn headers(&mut self, from: usize) -> &mut [libc::mmsghdr] {
        let Sending { messages, vectors, headers, controls, .. } = &mut *self.sending;
        if headers.len() != messages.len() {
            debug_assert!(messages.len() <= BATCH);
            controls.clear();
            controls.extend(messages.iter().map(|message| Control::new(message.each)));
            headers.clear();
            for (message, control) in messages.iter().zip(controls.iter_mut()) {
                // SAFETY: all-zero is a valid mmsghdr (null pointers, zero lengths).
                let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
                header.msg_hdr.msg_name = message.address.as_ptr().cast_mut().cast();
                header.msg_hdr.msg_namelen = message.address.len();
                header.msg_hdr.msg_iov = vectors[message.first_vector..].as_mut_ptr();
                header.msg_hdr.msg_iovlen = message.vectors as _;
                if message.count > 1 {
                    header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
                    header.msg_hdr.msg_controllen = Control::BYTES as _;
                }
                headers.push(header);
            }
        }
        &mut headers[from..]
    }

    pub fn is_joined(&self, message: usize) -> bool {
        self.sending.messages[message].count > 1
    }

    /// How many packets there are, from a message on.
    pub fn packets_from(&self, message: usize) -> usize {
        self.sending.messages[message..].iter().map(|message| message.count).sum()
    }

    /// The packets of one message.
    pub fn packets_of(&self, message: usize) -> impl Iterator<Item = (SocketAddr, &'p [u8])> {
        let Message { to, first, count, .. } = self.sending.messages[message];
        self.sending.packets[first..first + count].iter().map(move |vector| {
            // SAFETY: each vector was made of a packet that is borrowed for 'p.
            (to, unsafe { std::slice::from_raw_parts(vector.iov_base.cast_const().cast(), vector.iov_len) })
        })
    }
}
