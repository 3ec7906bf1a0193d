//! What may wait a little comes by itself, to a second socket on the port, so that it does not wake who reads media: transport-wide
//! feedback, from each receiver of pictures ten to twenty times a second; reports of what was received; and checks whether
//! the server is there, from each connection every two or three seconds. That is most of what a server of listeners receives.

use std::io;
use std::os::fd::AsRawFd;

use socket2::Socket;

/// Places in the group of sockets on one port, in the order in which they came to it.
const OTHERS: u32 = 0;
const PATIENT: u32 = 1;

/// A kind of packet that may wait.
struct Kind {
    /// Its second byte, and what these bits of the first are.
    second: u32,
    mask: u32,
    first: u32,
    whole: Whole,
}

/// What a packet is as a whole.
#[derive(PartialEq)]
enum Whole {
    /// RTCP with nothing behind the first report: that may be a request for packets or pictures.
    Report,
    /// STUN, with its cookie, and nothing behind it.
    Stun,
}

/// Of RTP and RTCP: the version, which is 2.
const VERSION: u32 = 0b1100_0000;
const RTP: u32 = 2 << 6;
/// SRTCP's index and the longer of its tags (RFC 7714). With the shorter, of 10 bytes, whatever follows a report makes it longer than
/// that: it takes 8 bytes at least.
const LONGEST_TRAILER: u32 = 4 + 16;

const STUN_COOKIE: u32 = 0x2112_a442;
const STUN_HEADER: u32 = 20;

const KINDS: [Kind; 3] = [
    // RTCP about how RTP arrives, and of its kinds transport-wide feedback
    // (draft-holmer-rmcat-transport-wide-cc-extensions); padding says nothing.
    Kind { second: 205, mask: VERSION | 0b1_1111, first: RTP | 15, whole: Whole::Report },
    // Receiver reports.
    Kind { second: 201, mask: VERSION, first: RTP, whole: Whole::Report },
    // STUN's binding requests.
    Kind { second: 1, mask: 0xff, first: 0, whole: Whole::Stun },
];

/// Puts a second socket on the port of one that is bound; what may wait comes to it from now on.
/// An error: the kernel cannot do that, and all comes to the first.
///
/// From then on another program of the same user that wants to share the port may bind it, and gets nothing. One that does
/// not, as a second server, is refused.
pub(crate) fn split_off(bound: &Socket, second: Socket) -> io::Result<Socket> {
    // The first was bound without it, so that whoever has the port already has been noticed.
    bound.set_reuse_port(true)?;
    if let Err(error) = join(bound, &second) {
        bound.set_reuse_port(false)?;
        return Err(error);
    }
    Ok(second)
}

fn join(bound: &Socket, second: &Socket) -> io::Result<()> {
    second.set_reuse_port(true)?;
    second.bind(&bound.local_addr()?)?;
    sort(bound)
}

/// Tells the kernel which packets come to which socket of the group.
fn sort(group: &Socket) -> io::Result<()> {
    // A packet that is too short for a step belongs to the others.
    let mut steps: Vec<_> = KINDS.iter().flat_map(steps).collect();
    steps.push(step(libc::BPF_RET, OTHERS));
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: the option takes a `sock_fprog` of the told size, whose steps are as many as it says; the kernel copies them.
    let result = unsafe {
        libc::setsockopt(
            group.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn step(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Steps that end for a packet of this kind, and go on behind the last of them for others.
fn steps(kind: &Kind) -> Vec<libc::sock_filter> {
    use libc::{BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_JEQ, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_LEN};
    use libc::{BPF_LSH, BPF_MISC, BPF_RET, BPF_TAX, BPF_W, BPF_X};
    let mut steps = vec![
        step(BPF_LD | BPF_B | BPF_ABS, 1),
        step(BPF_JMP | BPF_JEQ | BPF_K, kind.second),
        step(BPF_LD | BPF_B | BPF_ABS, 0),
        step(BPF_ALU | BPF_AND | BPF_K, kind.mask),
        step(BPF_JMP | BPF_JEQ | BPF_K, kind.first),
    ];
    if kind.whole == Whole::Stun {
        steps.extend([step(BPF_LD | BPF_W | BPF_ABS, 4), step(BPF_JMP | BPF_JEQ | BPF_K, STUN_COOKIE)]);
    }
    // What length is told: of a report in words, less one; of STUN without its header.
    steps.push(step(BPF_LD | BPF_H | BPF_ABS, 2));
    steps.extend(match kind.whole {
        Whole::Report => {
            vec![step(BPF_ALU | BPF_LSH | BPF_K, 2), step(BPF_ALU | BPF_ADD | BPF_K, 4 + LONGEST_TRAILER)]
        }
        Whole::Stun => vec![step(BPF_ALU | BPF_ADD | BPF_K, STUN_HEADER)],
    });
    steps.extend([
        step(BPF_MISC | BPF_TAX, 0),
        step(BPF_LD | BPF_W | BPF_LEN, 0),
        step(BPF_JMP | BPF_JGT | BPF_X, 0),
        step(BPF_RET | BPF_K, PATIENT),
    ]);
    let count = steps.len();
    for (index, step) in steps.iter_mut().enumerate() {
        let onward = (count - index - 1) as u8;
        match u32::from(step.code) {
            code if code == BPF_JMP | BPF_JEQ | BPF_K => step.jf = onward,
            code if code == BPF_JMP | BPF_JGT | BPF_X => step.jt = onward,
            _ => {}
        }
    }
    steps
}
