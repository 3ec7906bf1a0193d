//! Puts participants into rooms of a LiveKit-compatible server and reports what they get, one JSON object a line. What
//! is done says a plan in JSON (`plan`); nothing here knows which server it is.
//!
//!     bench-load PLAN.json
//!
//! It says `joined`, `steady` and `over` around the measured time, `measured` with what was seen in it, and then stays
//! until its standard input ends.

mod connection;
mod meeting;
mod participant;
mod plan;
mod signal;
mod source;
mod stamp;
mod tally;
mod worker;

use std::collections::HashMap;
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;

use crate::connection::Connection;
use crate::meeting::Seats;
use crate::plan::{Meeting, ParticipantPlan, Plan};
use crate::source::{Content, Source};
use crate::stamp::MEASURED;
use crate::worker::{Command, Handle, Joining, Outcome, PHASE, Report, Worker};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a join may take, and then how long until everything expected has come.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is on its way when the time is over, retransmissions included, has this long to arrive.
const GRACE: Duration = Duration::from_millis(700);
const NOBODY: Meeting = Meeting { tiles: 0, speakers: 0, period: 1e6 };

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(json!({"event": "failed", "why": error.to_string()}));
            ExitCode::FAILURE
        }
    }
}

fn say(event: Value) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more: then nobody misses it.
    let _ = writeln!(out, "{event}").and_then(|()| out.flush());
}

fn run() -> Result<(), Failure> {
    let path = std::env::args().nth(1).ok_or("say which plan: bench-load PLAN.json")?;
    let mut plan: Plan = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    allow_many_sockets();
    let mut load = Load::new(&mut plan)?;
    load.join_all(&plan)?;
    say(json!({"event": "joined", "join_ms": load.join_ms.clone()}));
    load.wait_until_ready(&plan)?;
    load.all(|| Command::Begin);
    std::thread::sleep(Duration::from_secs_f64(plan.warmup));

    let started = Instant::now();
    PHASE.store(MEASURED, Ordering::Relaxed);
    say(json!({"event": "steady", "first_media_ms": load.media_ms}));
    std::thread::sleep(Duration::from_secs_f64(plan.duration));
    PHASE.store(MEASURED + 1, Ordering::Relaxed);
    let seconds = started.elapsed().as_secs_f64();
    say(json!({"event": "over", "seconds": seconds}));

    std::thread::sleep(GRACE);
    load.all(|| Command::Finish);
    let measured = load.measured(seconds)?;
    say(measured);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    load.all(|| Command::Leave);
    std::thread::sleep(Duration::from_millis(100));
    Ok(())
}

struct Load {
    workers: Vec<Handle>,
    reports: Receiver<Report>,
    reporter: Sender<Report>,
    sources: Vec<Option<Vec<Source>>>,
    /// Sources with one layer: all of what they send reaches all who have them.
    single: HashMap<u32, bool>,
    join_ms: Vec<f64>,
    media_ms: Vec<f64>,
    ready: usize,
}

impl Load {
    fn new(plan: &mut Plan) -> Result<Self, Failure> {
        let mut seats = Seats::new(plan.meeting.unwrap_or(NOBODY));
        let (mut sources, mut single, mut id) = (Vec::new(), HashMap::new(), 0);
        let begun = Instant::now();
        for (index, participant) in plan.participants.iter().enumerate() {
            let videos = participant.videos.iter().cloned().map(Content::Video);
            let contents = videos.chain(participant.voices.iter().map(|voice| Content::Voice(*voice)));
            let own: Vec<Source> = contents
                .chain(participant.data.map(Content::Data))
                .map(|content| {
                    id += 1;
                    // Encoders of different people do not tick together.
                    Source::new(id, content, begun + Duration::from_micros(u64::from(id) * 7_919 % 33_000))
                })
                .collect();
            if participant.adaptive {
                seats.sit(index, own.iter().map(|source| source.id));
            }
            single.extend(own.iter().map(|source| (source.id, source.encodings.len() == 1)));
            sources.push(Some(own));
        }
        let (reporter, reports) = channel();
        let workers = (0..plan.threads.max(1))
            .map(|number| {
                let seed = plan.seed.wrapping_mul(1_000).wrapping_add(number as u64 + 1);
                Worker::spawn(plan.participants.len(), seats.clone(), seed, plan.loss, reporter.clone())
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { workers, reports, reporter, sources, single, join_ms: Vec::new(), media_ms: Vec::new(), ready: 0 })
    }

    fn all(&self, command: impl Fn() -> Command) {
        self.workers.iter().for_each(|worker| worker.send(command()));
    }

    fn join_all(&mut self, plan: &Plan) -> Result<(), Failure> {
        let total = plan.participants.len();
        // Making connections costs the generator time that is not the server's, so some wait here before they are needed.
        let mut connections = Vec::with_capacity(total);
        for _ in 0..total {
            connections.push((Connection::new(Instant::now())?, Connection::new(Instant::now())?));
        }
        let started = Instant::now();
        for ((index, participant), connections) in plan.participants.iter().enumerate().zip(connections) {
            if let Some(rate) = plan.rate {
                let due = started + Duration::from_secs_f64(index as f64 / rate);
                while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                    self.wait(left)?;
                }
            }
            self.dial(index, &plan.url, participant.clone(), connections);
            if plan.rate.is_none() {
                self.wait_for(|load| load.join_ms.len() > index, &format!("participant {index} is not connected"))?;
            }
        }
        self.wait_for(|load| load.join_ms.len() == total, "not all are connected")
    }

    /// Connects the WebSocket in a thread of its own, for that blocks.
    fn dial(&mut self, index: usize, url: &str, plan: ParticipantPlan, connections: (Connection, Connection)) {
        let worker = &self.workers[index % self.workers.len()];
        let (worker, waker, reporter) = (worker.commands.clone(), worker.waker.clone(), self.reporter.clone());
        let mut sources = self.sources[index].take().unwrap_or_default();
        let url = url.to_owned();
        std::thread::spawn(move || {
            let dialled = Instant::now();
            match open(&url, &plan) {
                Ok(websocket) => {
                    let late = Instant::now();
                    for source in &mut sources {
                        source.next += late.saturating_duration_since(source.next);
                    }
                    let joining = Joining { index, plan, websocket, sources, connections, dialled };
                    let _ = worker.send(Command::Join(Box::new(joining)));
                    let _ = waker.wake();
                }
                Err(error) => {
                    let _ = reporter.send(Report::Failed(index, error.to_string()));
                }
            }
        });
    }

    fn wait_until_ready(&mut self, plan: &Plan) -> Result<(), Failure> {
        let total = plan.participants.len();
        self.wait_for(|load| load.ready == total, "not all have what they were to get")
    }

    fn wait_for(&mut self, is_done: impl Fn(&Self) -> bool, otherwise: &str) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while !is_done(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let (joined, ready) = (self.join_ms.len(), self.ready);
                return Err(format!("{otherwise} after {PATIENCE:?}: {joined} joined, {ready} ready").into());
            }
            self.wait(left)?;
        }
        Ok(())
    }

    /// Waits for one report, at most so long.
    fn wait(&mut self, longest: Duration) -> Result<(), Failure> {
        match self.reports.recv_timeout(longest) {
            Ok(Report::Joined(milliseconds)) => self.join_ms.push(milliseconds),
            Ok(Report::Ready(milliseconds)) => {
                self.ready += 1;
                self.media_ms.extend(milliseconds);
            }
            Ok(Report::Failed(index, why)) => return Err(format!("participant {index}: {why}").into()),
            Ok(Report::Finished(_)) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("the workers are gone".into()),
        }
        Ok(())
    }

    fn measured(&mut self, seconds: f64) -> Result<Value, Failure> {
        let mut outcomes: Vec<Outcome> = Vec::new();
        while outcomes.len() < self.workers.len() {
            match self.reports.recv_timeout(PATIENCE)? {
                Report::Finished(outcome) => outcomes.push(*outcome),
                Report::Failed(index, why) => return Err(format!("participant {index}: {why}").into()),
                Report::Joined(..) | Report::Ready(..) => {}
            }
        }
        let sent: HashMap<u32, u64> = outcomes
            .iter()
            .flat_map(|outcome| &outcome.sent)
            .map(|(source, layers)| (*source, layers.iter().sum()))
            .collect();
        let (mut received, mut repeated, mut expected) = (0, 0, 0);
        for subscription in outcomes.iter().flat_map(|outcome| &outcome.subscriptions) {
            received += subscription.received;
            repeated += subscription.repeated;
            // Of several layers the server sends one, so that holes alone tell what is lost.
            let is_single = self.single.get(&subscription.source).copied().unwrap_or(false);
            let sent = sent.get(&subscription.source).copied().unwrap_or(0);
            expected += if is_single { sent } else { subscription.received + subscription.missing };
        }
        let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
        let mut delays: Vec<u32> = outcomes.iter().flat_map(|outcome| outcome.delays.iter().copied()).collect();
        let mut lateness: Vec<u32> = outcomes.iter().flat_map(|outcome| outcome.lateness.iter().copied()).collect();
        delays.sort_unstable();
        lateness.sort_unstable();
        Ok(json!({
            "event": "measured",
            "seconds": seconds,
            "sent": sent.values().sum::<u64>(),
            "expected": expected,
            "received": received,
            "repeated": repeated,
            "arrived": sum(|outcome| outcome.arrived),
            "dropped": sum(|outcome| outcome.dropped),
            "keyframes": sum(|outcome| outcome.keyframes),
            "delay_us_p50": quantile(&delays, 0.5),
            "delay_us_p99": quantile(&delays, 0.99),
            "generator": {
                "cpu": outcomes.iter().map(|outcome| outcome.cpu).fold(0.0, f64::max),
                "late_us_p99": quantile(&lateness, 0.99),
                "late_us_max": lateness.last(),
                "overflow": sum(|outcome| outcome.overflow),
            },
        }))
    }
}

fn quantile(sorted: &[u32], share: f64) -> Option<u32> {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied()
}

fn open(url: &str, plan: &ParticipantPlan) -> Result<tungstenite::WebSocket<TcpStream>, Failure> {
    let address = url.strip_prefix("ws://").ok_or("the server's address begins with ws://")?;
    let flags = format!(
        "auto_subscribe={}&adaptive_stream={}&sdk=go&version=2.17.0&protocol=15",
        u8::from(plan.subscribe),
        u8::from(plan.adaptive)
    );
    let mut request = format!("{url}/rtc?{flags}").into_client_request()?;
    request.headers_mut().insert("Authorization", format!("Bearer {}", plan.token).parse()?);
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (websocket, _) = tungstenite::client(request, stream).map_err(|error| match error {
        tungstenite::HandshakeError::Failure(error) => match error {
            tungstenite::Error::Http(response) => {
                let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
                format!("refused with status {}: {body}", response.status())
            }
            error => error.to_string(),
        },
        tungstenite::HandshakeError::Interrupted(_) => "the handshake was interrupted".into(),
    })?;
    Ok(websocket)
}

/// Three sockets for each participant are more than the usual limit.
fn allow_many_sockets() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointers are to an rlimit that outlives the calls. If it cannot be raised, opening sockets says so.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
