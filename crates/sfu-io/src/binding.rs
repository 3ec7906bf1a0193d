//! Opens the sockets, and tells which addresses clients are told of them.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};
use visavis_sfu::Protocol;

use crate::config::{BindError, Config};
use crate::udp::UdpSocket;

/// Connections that may wait to be accepted, as when many clients come back at once.
const BACKLOG: i32 = 1024;

pub(crate) fn ports_of(listeners: &[(TcpListener, SocketAddr)]) -> Vec<u16> {
    listeners.iter().filter_map(|(listener, _)| Some(listener.local_addr().ok()?.port())).collect()
}

pub(crate) fn bind_udp(config: &Config) -> Result<Vec<(UdpSocket, Vec<SocketAddr>)>, BindError> {
    let mut sockets = Vec::new();
    for address in &config.udp {
        let socket = UdpSocket::bind(*address).map_err(|error| BindError {
            protocol: Protocol::Udp,
            address: *address,
            error,
        })?;
        let candidates = candidates(Some(socket.local()), &config.node_ips);
        if candidates.is_empty() {
            let reason = "no node address of the same kind (IPv4 or IPv6) is given";
            let error = io::Error::new(io::ErrorKind::AddrNotAvailable, reason);
            return Err(BindError { protocol: Protocol::Udp, address: *address, error });
        }
        sockets.push((socket, candidates));
    }
    Ok(sockets)
}

pub(crate) fn bind_tcp(addresses: &[SocketAddr], config: &Config) -> Result<Vec<(TcpListener, SocketAddr)>, BindError> {
    let mut listeners = Vec::new();
    for address in addresses {
        let bound = listen(*address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local, listener) =
            bound.map_err(|error| BindError { protocol: Protocol::Tcp, address: *address, error })?;
        let candidate = candidates(Some(local), &config.node_ips).first().copied().unwrap_or(local);
        listeners.push((listener, candidate));
    }
    Ok(listeners)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    if address.is_ipv6() {
        // As for UDP: IPv4 has sockets of its own, and could have none beside this one otherwise.
        socket.set_only_v6(true)?;
    }
    // A restart does not wait for connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The candidate addresses of a bound socket: its own if that is one of the node's, as other sockets then have the
/// others, else all node addresses of its kind with its port.
pub(crate) fn candidates(local: Option<SocketAddr>, node_ips: &[IpAddr]) -> Vec<SocketAddr> {
    let Some(local) = local else { return Vec::new() };
    if node_ips.contains(&local.ip()) {
        return vec![local];
    }
    let ips = node_ips.iter().filter(|ip| ip.is_ipv4() == local.is_ipv4());
    ips.map(|ip| SocketAddr::new(*ip, local.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_the_sockets_own_address_or_all_of_its_kind() {
        let ips = ["10.0.0.1", "::1", "127.0.0.1"].map(|ip| ip.parse().expect("an address"));
        let loopback = ([127, 0, 0, 1], 9).into();
        assert_eq!(candidates(Some(loopback), &ips), [loopback]);
        let any = ([0, 0, 0, 0], 9).into();
        assert_eq!(candidates(Some(any), &ips), [([10, 0, 0, 1], 9).into(), loopback]);
    }
}
