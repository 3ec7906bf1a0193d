//! Transport-wide feedback comes by itself, to a second socket on the port: most of what a server of video receives is
//! that, from each receiver ten to twenty times a second. It may wait a little and media may not, so it must not wake who
//! reads media.

use std::io;
use std::os::fd::AsRawFd;

use socket2::Socket;

/// Places in the group of sockets on one port, in the order in which they came to it.
const OTHERS: u32 = 0;
const FEEDBACK: u32 = 1;
/// RTCP about how RTP arrives, and of its kinds the transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions).
const TRANSPORT_LAYER: u32 = 205;
const TRANSPORT_WIDE: u32 = 15;
/// The version, which is 2, and the kind; padding says nothing.
const VERSION_AND_KIND: u32 = 0b1101_1111;

/// Puts a second socket on the port of one that is bound; what begins with transport-wide feedback comes to it from now on.
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
    const BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
    const EQUALS: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let step = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    // A packet that is too short for a step belongs to the first.
    let mut steps = [
        step(BYTE, 1, 0, 0),
        step(EQUALS, TRANSPORT_LAYER, 0, 3),
        step(BYTE, 0, 0, 0),
        step(AND, VERSION_AND_KIND, 0, 0),
        step(EQUALS, 2 << 6 | TRANSPORT_WIDE, 1, 0),
        step(RETURN, OTHERS, 0, 0),
        step(RETURN, FEEDBACK, 0, 0),
    ];
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
