//! The module `visavis._sfu`: the engine of `visavis-sfu-io` for Python. What everything means stands in
//! `src/visavis/_sfu.pyi`; here values are only turned from one language's into the other's.

mod event;
mod figures;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use std::time::Duration;

use event::Event;
use figures::{ParticipantFigures, PublishedFigures, ReceivedFigures};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use visavis_sfu::{Command, LayerInfo, PlayoutLimits, Source, Target, TrackSettings};
use visavis_sfu_io::{Config, StartError, TurnConfig};

// Packets are short-lived blocks of a few sizes, made in one thread and freed in another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pyclass(frozen, module = "visavis._sfu")]
struct Layer(LayerInfo);

#[pymethods]
impl Layer {
    #[new]
    fn new(quality: u8, width: u32, height: u32, bitrate: u32) -> Self {
        Self(LayerInfo { quality, width, height, bitrate })
    }
}

#[pyfunction]
#[pyo3(signature = (servers, *, local, within))]
fn public_address(py: Python<'_>, servers: Vec<(String, u16)>, local: &str, within: f64) -> PyResult<String> {
    let servers = servers.iter().map(parse_address).collect::<PyResult<Vec<_>>>()?;
    let local = parse_ip(local)?;
    let within = Duration::try_from_secs_f64(within).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let found = py.detach(|| visavis_sfu_io::public_address(&servers, local, within));
    found.map(|address| address.to_string()).map_err(|error| PyOSError::new_err(error.to_string()))
}

#[pyclass(frozen, module = "visavis._sfu")]
struct Engine(visavis_sfu_io::Engine);

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (
        *, udp, tcp, node_ips, workers = 0, room_share = 50, initial_bitrate = 1_000_000,
        turn_secret = None, turn_certificate = None, turn_tcp = Vec::new()
    ))]
    #[allow(clippy::too_many_arguments)] // the seam's
    fn new(
        py: Python<'_>,
        udp: Vec<(String, u16)>,
        tcp: Vec<(String, u16)>,
        node_ips: Vec<String>,
        workers: usize,
        room_share: usize,
        initial_bitrate: u64,
        turn_secret: Option<Vec<u8>>,
        turn_certificate: Option<(Vec<u8>, Vec<u8>)>,
        turn_tcp: Vec<(String, u16)>,
    ) -> PyResult<Self> {
        if udp.is_empty() {
            return Err(PyValueError::new_err("no udp address: give at least one to bind"));
        }
        if node_ips.is_empty() {
            return Err(PyValueError::new_err("no node_ip: give the address that clients reach this machine at"));
        }
        let config = Config {
            udp: udp.iter().map(parse_address).collect::<PyResult<_>>()?,
            tcp: tcp.iter().map(parse_address).collect::<PyResult<_>>()?,
            node_ips: node_ips.iter().map(|ip| parse_ip(ip)).collect::<PyResult<_>>()?,
            workers,
            room_share,
            initial_bitrate,
            turn: match turn_secret {
                Some(secret) => Some(TurnConfig {
                    secret,
                    certificate: turn_certificate,
                    tcp: turn_tcp.iter().map(parse_address).collect::<PyResult<_>>()?,
                }),
                None => None,
            },
        };
        py.detach(|| visavis_sfu_io::Engine::start(&config)).map(Self).map_err(|error| match error {
            StartError::Bind(error) => PyOSError::new_err(error.to_string()),
            StartError::Certificate(_) => PyValueError::new_err(error.to_string()),
        })
    }

    #[getter]
    fn udp_ports(&self) -> Vec<u16> {
        self.0.udp_ports()
    }

    #[getter]
    fn tcp_ports(&self) -> Vec<u16> {
        self.0.tcp_ports()
    }

    #[getter]
    fn turn_ports(&self) -> Vec<u16> {
        self.0.turn_ports()
    }

    #[getter]
    fn udp_candidates(&self) -> Vec<(String, u16)> {
        self.0.udp_candidates().iter().map(|address| (address.ip().to_string(), address.port())).collect()
    }

    #[getter]
    fn tcp_candidates(&self) -> Vec<(String, u16)> {
        self.0.tcp_candidates().iter().map(|address| (address.ip().to_string(), address.port())).collect()
    }

    fn fileno(&self) -> i32 {
        self.0.descriptor()
    }

    fn drain(&self) -> Vec<Event> {
        self.0.drain().into_iter().map(Event::from).collect()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }

    #[pyo3(signature = (room, participant, identity, *, primary, single, can_publish_data, hidden, agent, can_subscribe_metrics, codec_change, allow_pause, mime_types, playout_delay, sync_streams))]
    #[allow(clippy::too_many_arguments)] // the seam's
    fn add_participant(
        &self,
        room: String,
        participant: String,
        identity: String,
        primary: &str,
        single: bool,
        can_publish_data: bool,
        hidden: bool,
        agent: bool,
        can_subscribe_metrics: bool,
        codec_change: bool,
        allow_pause: Option<bool>,
        mime_types: Vec<String>,
        playout_delay: Option<(u32, u32)>,
        sync_streams: bool,
    ) -> PyResult<()> {
        let primary = parse_target(primary)?;
        self.0.command(Command::AddParticipant {
            room,
            participant,
            identity,
            primary,
            single,
            can_publish_data,
            hidden,
            agent,
            can_subscribe_metrics,
            codec_change,
            allow_pause,
            mime_types,
            playout_delay: playout_delay.map(|(min, max)| PlayoutLimits { min, max }),
            sync_streams,
        });
        Ok(())
    }

    #[pyo3(signature = (participant, *, can_publish_data, hidden, agent, can_subscribe_metrics))]
    fn update_participant(
        &self,
        participant: String,
        can_publish_data: bool,
        hidden: bool,
        agent: bool,
        can_subscribe_metrics: bool,
    ) {
        self.0.command(Command::UpdateParticipant {
            participant,
            can_publish_data,
            hidden,
            agent,
            can_subscribe_metrics,
        });
    }

    fn remove_participant(&self, participant: String) {
        self.0.command(Command::RemoveParticipant { participant });
    }

    fn reliable_sequence(&self, participant: &str) -> u32 {
        self.0.reliable_sequence(participant)
    }

    #[pyo3(signature = (participant, offer_id, sdp, codecs, *, stereo, no_dtx))]
    fn publisher_offer(
        &self,
        participant: String,
        offer_id: u32,
        sdp: String,
        codecs: HashMap<String, String>,
        stereo: Vec<String>,
        no_dtx: Vec<String>,
    ) {
        let codecs = codecs.into_iter().collect();
        self.0.command(Command::PublisherOffer { participant, offer_id, sdp, codecs, stereo, no_dtx });
    }

    fn subscriber_answer(&self, participant: String, answer_id: u32, sdp: String) {
        self.0.command(Command::SubscriberAnswer { participant, answer_id, sdp });
    }

    fn restart_ice(&self, participant: String) {
        self.0.command(Command::RestartIce { participant });
    }

    #[pyo3(signature = (participant, mid, track, *, source, muted, layers, stereo, stream, trailer, backups))]
    #[allow(clippy::too_many_arguments)] // the seam's
    fn publish(
        &self,
        participant: String,
        mid: String,
        track: String,
        source: &str,
        muted: bool,
        layers: Vec<PyRef<'_, Layer>>,
        stereo: bool,
        stream: String,
        trailer: Vec<u8>,
        backups: Vec<String>,
    ) -> PyResult<()> {
        let source = parse_source(source)?;
        let layers = layers.iter().map(|layer| layer.0).collect();
        self.0.command(Command::Publish {
            participant,
            mid,
            track,
            source,
            muted,
            layers,
            stereo,
            stream,
            trailer,
            backups,
        });
        Ok(())
    }

    #[pyo3(signature = (participant, mid, track, *, layers, regress))]
    fn publish_backup(
        &self,
        participant: String,
        mid: String,
        track: String,
        layers: Vec<PyRef<'_, Layer>>,
        regress: bool,
    ) {
        let layers = layers.iter().map(|layer| layer.0).collect();
        self.0.command(Command::PublishBackup { participant, mid, track, layers, regress });
    }

    fn unpublish(&self, track: String) {
        self.0.command(Command::Unpublish { track });
    }

    fn set_muted(&self, track: String, muted: bool) {
        self.0.command(Command::SetMuted { track, muted });
    }

    fn subscribe(&self, participant: String, track: String) {
        self.0.command(Command::Subscribe { participant, track });
    }

    fn unsubscribe(&self, participant: String, track: String) {
        self.0.command(Command::Unsubscribe { participant, track });
    }

    #[pyo3(signature = (participant, track, *, disabled, quality, width, height, fps, priority))]
    #[allow(clippy::too_many_arguments)] // the seam's
    fn set_track_settings(
        &self,
        participant: String,
        track: String,
        disabled: bool,
        quality: Option<u8>,
        width: u32,
        height: u32,
        fps: u32,
        priority: u32,
    ) {
        let settings = TrackSettings { disabled, quality, width, height, fps, priority };
        self.0.command(Command::SetTrackSettings { participant, track, settings });
    }

    #[pyo3(signature = (room, packet, *, reliable, destinations))]
    fn send_data(&self, room: String, packet: &Bound<'_, PyBytes>, reliable: bool, destinations: Vec<String>) {
        let packet = packet.as_bytes().to_vec();
        self.0.command(Command::SendData { room, packet, reliable, destinations });
    }

    fn perform_rpc(&self, participant: String, request: String, packet: &Bound<'_, PyBytes>) {
        let packet = packet.as_bytes().to_vec();
        self.0.command(Command::PerformRpc { participant, request, packet });
    }

    fn end_rpc(&self, participant: String, request: String) {
        self.0.command(Command::EndRpc { participant, request });
    }

    fn publish_data_track(&self, participant: String, handle: u16, track: String) {
        self.0.command(Command::PublishDataTrack { participant, handle, track });
    }

    fn unpublish_data_track(&self, participant: String, track: String) {
        self.0.command(Command::UnpublishDataTrack { participant, track });
    }

    fn subscribe_data_track(&self, participant: String, track: String, handle: u16) {
        self.0.command(Command::SubscribeDataTrack { participant, track, handle });
    }

    fn unsubscribe_data_track(&self, participant: String, track: String) {
        self.0.command(Command::UnsubscribeDataTrack { participant, track });
    }

    fn report_figures(&self, request: u32) {
        self.0.command(Command::ReportFigures { request });
    }

    fn worker_times(&self) -> Vec<f64> {
        self.0.worker_times().iter().map(Duration::as_secs_f64).collect()
    }

    fn stats(&self) -> HashMap<&'static str, u64> {
        let stats = self.0.stats();
        HashMap::from([
            ("packets_in", stats.packets_in),
            ("packets_out", stats.packets_out),
            ("bytes_in", stats.bytes_in),
            ("bytes_out", stats.bytes_out),
            ("packets_dropped", stats.packets_dropped),
            ("participants", stats.participants),
            ("rooms", stats.rooms),
            ("panics", stats.panics),
        ])
    }
}

fn parse_address((host, port): &(String, u16)) -> PyResult<SocketAddr> {
    Ok(SocketAddr::new(parse_ip(host)?, *port))
}

fn parse_ip(text: &str) -> PyResult<IpAddr> {
    text.parse().map_err(|_| PyValueError::new_err(format!("{text:?} is no IP address: names are not looked up here")))
}

fn parse_target(text: &str) -> PyResult<Target> {
    match text {
        "publisher" => Ok(Target::Publisher),
        "subscriber" => Ok(Target::Subscriber),
        _ => Err(PyValueError::new_err(format!("{text:?} is no target: 'publisher' or 'subscriber'"))),
    }
}

fn parse_source(text: &str) -> PyResult<Source> {
    match text {
        "unknown" => Ok(Source::Unknown),
        "camera" => Ok(Source::Camera),
        "microphone" => Ok(Source::Microphone),
        "screen_share" => Ok(Source::ScreenShare),
        "screen_share_audio" => Ok(Source::ScreenShareAudio),
        _ => Err(PyValueError::new_err(format!("{text:?} is no source of a track, as 'camera' is"))),
    }
}

#[pymodule]
fn _sfu(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(public_address, module)?)?;
    module.add_class::<Engine>()?;
    module.add_class::<Layer>()?;
    module.add_class::<ParticipantFigures>()?;
    module.add_class::<PublishedFigures>()?;
    module.add_class::<ReceivedFigures>()?;
    module.add_class::<Event>()
}
