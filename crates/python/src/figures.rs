//! The core's figures as Python sees them.

use std::time::Duration;

use pyo3::prelude::*;
use visavis_sfu as core;

#[pyclass(frozen, get_all, from_py_object, module = "visavis._sfu")]
#[derive(Debug, Clone)]
pub(crate) struct ParticipantFigures {
    participant: String,
    packets_in: u64,
    bytes_in: u64,
    packets_out: u64,
    bytes_out: u64,
    rtt: Option<f64>,
    estimate: Option<u64>,
    published: Vec<PublishedFigures>,
    received: Vec<ReceivedFigures>,
}

#[pyclass(frozen, get_all, from_py_object, module = "visavis._sfu")]
#[derive(Debug, Clone)]
pub(crate) struct PublishedFigures {
    track: String,
    packets: u64,
    bytes: u64,
    lost: u64,
}

#[pyclass(frozen, get_all, from_py_object, module = "visavis._sfu")]
#[derive(Debug, Clone)]
pub(crate) struct ReceivedFigures {
    track: String,
    packets: u64,
    bytes: u64,
    loss: Option<f32>,
    layer: Option<u8>,
}

impl From<core::ParticipantFigures> for ParticipantFigures {
    fn from(figures: core::ParticipantFigures) -> Self {
        let core::ParticipantFigures {
            participant,
            packets_in,
            bytes_in,
            packets_out,
            bytes_out,
            rtt,
            estimate,
            published,
            received,
        } = figures;
        Self {
            participant,
            packets_in,
            bytes_in,
            packets_out,
            bytes_out,
            rtt: rtt.as_ref().map(Duration::as_secs_f64),
            estimate,
            published: published.into_iter().map(Into::into).collect(),
            received: received.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<core::PublishedFigures> for PublishedFigures {
    fn from(core::PublishedFigures { track, packets, bytes, lost }: core::PublishedFigures) -> Self {
        Self { track, packets, bytes, lost }
    }
}

impl From<core::ReceivedFigures> for ReceivedFigures {
    fn from(core::ReceivedFigures { track, packets, bytes, loss, layer }: core::ReceivedFigures) -> Self {
        Self { track, packets, bytes, loss, layer }
    }
}
