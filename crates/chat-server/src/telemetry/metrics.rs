//! Metrics: kept in process, rendered for Prometheus when somebody scrapes.
//!
//! Histograms have explicit buckets, so that nodes can be added up; the exporter's own listener stays off, because the
//! server has listeners of its own.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::{names, process};

/// 100 µs … 10 s, three a decade and a finer step where the goals lie.
const SECONDS: [f64; 16] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// 256 bytes … 4 MiB.
const BYTES: [f64; 8] = [256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];
/// Counts of things, such as a batch's size.
const COUNTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];
/// Between two upkeeps; samples of histograms wait in memory until one.
const UPKEEP: Duration = Duration::from_secs(5);

/// The one of this process: there is one global recorder, however many servers a test starts.
static INSTALLED: Mutex<Option<Telemetry>> = Mutex::new(None);

/// The process has a metrics recorder, and it is not ours.
#[derive(Debug, thiserror::Error)]
pub enum RecorderTaken {
    /// Somebody else was first.
    #[error("the metrics recorder is taken")]
    Taken,
    /// The exporter refused its settings.
    #[error("the metrics recorder can't be built: {0}")]
    Build(#[from] BuildError),
}

/// What `/metrics` answers. Cheap to clone.
#[derive(Clone)]
pub struct Telemetry {
    handle: PrometheusHandle,
}

impl Telemetry {
    /// Installs the recorder and describes what the protocol names; called again, it gives the same one.
    ///
    /// # Errors
    /// [`RecorderTaken`].
    pub fn install() -> Result<Self, RecorderTaken> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(telemetry) = installed.as_ref() {
            return Ok(telemetry.clone());
        }
        let recorder = recorder()?;
        let telemetry = Self { handle: recorder.handle() };
        metrics::set_global_recorder(recorder).map_err(|_| RecorderTaken::Taken)?;
        names::describe();
        *installed = Some(telemetry.clone());
        Ok(telemetry)
    }

    /// All metrics in the text format (version 0.0.4), those of the process included. Reads a few files of /proc.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        text.push_str(&process::render());
        text
    }

    /// Keeps memory flat while nobody scrapes; runs until it is dropped.
    pub async fn upkeep(&self) {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            self.handle.run_upkeep();
        }
    }
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let builder = PrometheusBuilder::new()
        .set_buckets(&COUNTS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES)?;
    Ok(builder.build_recorder())
}

#[cfg(test)]
mod tests {
    use metrics::{counter, histogram};

    use super::*;

    fn local() -> (PrometheusRecorder, Telemetry) {
        let recorder = recorder().unwrap();
        let telemetry = Telemetry { handle: recorder.handle() };
        (recorder, telemetry)
    }

    #[test]
    fn the_names_of_the_protocol_are_there_at_the_first_scrape() {
        let (recorder, telemetry) = local();
        metrics::with_local_recorder(&recorder, names::describe);
        let text = telemetry.render();
        for line in [
            "# TYPE chat_websocket_connections gauge",
            "chat_websocket_connections 0",
            "chat_messages_received_total 0",
            "chat_messages_delivered_total 0",
            "# HELP chat_messages_delivered_total Messages handed to sockets, live or in batches",
            "chat_errors_total{code=\"internal\"} 0",
            "# TYPE chat_http_requests_total counter",
            "# TYPE process_resident_memory_bytes gauge",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn histograms_have_explicit_buckets_by_their_unit() {
        let (recorder, telemetry) = local();
        metrics::with_local_recorder(&recorder, || {
            histogram!("chat_http_request_duration_seconds").record(0.0002);
            histogram!("chat_writer_batch").record(7.0);
        });
        let text = telemetry.render();
        for line in [
            "chat_http_request_duration_seconds_bucket{le=\"0.0001\"} 0",
            "chat_http_request_duration_seconds_bucket{le=\"0.00025\"} 1",
            "chat_http_request_duration_seconds_bucket{le=\"10\"} 1",
            "chat_writer_batch_bucket{le=\"5\"} 0",
            "chat_writer_batch_bucket{le=\"10\"} 1",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn installed_twice_it_is_the_same() {
        let (one, two) = (Telemetry::install().unwrap(), Telemetry::install().unwrap());
        counter!("chat_messages_received_total").increment(3);
        let received =
            |telemetry: &Telemetry| telemetry.render().lines().any(|line| line == "chat_messages_received_total 3");
        assert!(received(&one) && received(&two));
    }

    #[test]
    fn l1_a_label_can_not_forge_a_line() {
        let (recorder, telemetry) = local();
        metrics::with_local_recorder(&recorder, || counter!("chat_odd_total", "route" => "a\"\nb 1").increment(1));
        let shown: Vec<_> =
            telemetry.render().lines().filter(|line| line.contains("odd_total{")).map(str::to_owned).collect();
        assert_eq!(shown, ["chat_odd_total{route=\"a\\\"\\nb 1\"} 1"]);
    }
}
