//! Whole runs against the fake server: sound ones pass, every flaw is found or repaired.

use clap::Parser as _;

use crate::{
    cli::{Cli, Command},
    durable,
    fake::{Fake, Flaw},
    load,
    report::Report,
    storm, verify,
};

async fn run(command: &str, flaw: Flaw, rest: &str) -> Report {
    spread(command, flaw, 1, rest).await
}

async fn spread(command: &str, flaw: Flaw, nodes: usize, rest: &str) -> Report {
    let url = Fake::start(flaw, nodes).await;
    let words = ["chat-bench", command, "--url", &url].into_iter().chain(rest.split_whitespace());
    match Cli::parse_from(words).command {
        Command::Load(args) => load::run(args).await.unwrap(),
        Command::Storm(args) => storm::run(args).await.unwrap(),
        Command::Durable(args) => durable::run(args).await.unwrap(),
        Command::Verify(args) => verify::run(args).await.unwrap(),
        Command::Idle(_) => unreachable!("idle needs the server's process"),
    }
}

fn figure(report: &Report, key: &str) -> f64 {
    report.value(key).unwrap_or_else(|| panic!("no figure {key}")).as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_at_a_rate_counts_every_delivery() {
    let report = run("load", Flaw::None, "--rooms 3 --members 4 --rate 100 --seconds 1").await;
    assert_eq!(report.wrong(), &[] as &[String]);
    let messages = figure(&report, "acknowledged");
    assert!((60.0..=120.0).contains(&messages), "{messages}");
    assert!((figure(&report, "deliveries") - 4.0 * messages).abs() < 0.5);
    assert!(figure(&report, "send_to_delivery_p50_ms") > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_over_nodes_tells_how_long_it_takes_between_them() {
    let report = spread("load", Flaw::None, 2, "--rooms 1 --members 4 --rate 100 --seconds 1").await;
    assert_eq!(report.wrong(), &[] as &[String]);
    assert!((figure(&report, "nodes") - 2.0).abs() < 0.1);
    assert!(figure(&report, "between_nodes_p50_ms") > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_at_saturation_keeps_its_window() {
    let report = run("load", Flaw::None, "--rooms 1 --members 4 --window 8 --seconds 1").await;
    assert_eq!(report.wrong(), &[] as &[String]);
    assert!(figure(&report, "acknowledged") > 100.0);
    assert!(figure(&report, "held_back") < 0.5, "8 under way never fill 32 in flight");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_tells_of_gaps_even_when_they_are_repaired() {
    let report = run("load", Flaw::SkipsEvents, "--rooms 1 --members 4 --rate 200 --seconds 1").await;
    assert!(figure(&report, "gaps") > 0.0);
    assert!(report.wrong().iter().any(|a| a.contains("gaps")), "{:?}", report.wrong());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_brings_everybody_back_whole() {
    let report = run("storm", Flaw::None, "--sockets 20 --rooms 2 --missed 5").await;
    assert_eq!(report.wrong(), &[] as &[String]);
    assert!(figure(&report, "all_back_s") > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_finds_missed_messages_that_stay_missing() {
    let report = run("storm", Flaw::ShortBatches, "--sockets 4 --rooms 1 --missed 5").await;
    assert!(report.wrong().iter().any(|a| a.contains("16 missed messages")), "{:?}", report.wrong());
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_compares_with_the_limits_of_the_disk() {
    let report = run("durable", Flaw::None, "--senders 4 --seconds 1").await;
    assert_eq!(report.wrong(), &[] as &[String]);
    assert!(figure(&report, "acks_per_s") > 0.0 && figure(&report, "one_transaction_per_s") > 0.0);
    assert!(figure(&report, "one_transaction_per_s_slowest") <= figure(&report, "one_transaction_per_s_fastest"));
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_with_several_numbers_makes_a_table() {
    let report = run("durable", Flaw::None, "--senders 2,4 --rooms 1,3 --seconds 1").await;
    assert_eq!(report.wrong(), &[] as &[String]);
    let table = report.named("durable").unwrap();
    for senders in [2, 4] {
        let rate = table.value(&senders.into(), "acks_per_s").unwrap().as_f64().unwrap();
        assert!(rate > 0.0, "{senders} senders");
    }
}

const SMALL: &str = "--senders 4 --rooms 2 --members 2 --restless 8 --slow 1 --rate 200 --seconds 2 --replay 0.2";

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_nothing_wrong_with_a_sound_server() {
    let report = run("verify", Flaw::None, SMALL).await;
    assert_eq!(report.wrong(), &[] as &[String]);
    assert!(figure(&report, "acknowledged") > 50.0 && figure(&report, "answered_again") > 0.0);
    assert!(figure(&report, "applied") > figure(&report, "logged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_spreads_its_clients_over_nodes() {
    let report = spread("verify", Flaw::HangsUp, 3, SMALL).await;
    assert_eq!(report.wrong(), &[] as &[String]);
    assert!(figure(&report, "acknowledged") > 50.0);
    assert!(report.named("faults").is_none(), "without faults there is no table of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_need_a_server_that_was_started_here() {
    let url = Fake::start(Flaw::None, 1).await;
    let words = ["chat-bench", "verify", "--url", &url, "--faults", "kill"];
    assert!(Cli::try_parse_from(words).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_accepts_gaps_hang_ups_and_resets_that_clients_can_repair() {
    for (flaw, seen) in [(Flaw::SkipsEvents, "gaps"), (Flaw::HangsUp, "lost_connections"), (Flaw::Resets, "resets")] {
        let report = run("verify", flaw, SMALL).await;
        assert_eq!(report.wrong(), &[] as &[String], "{flaw:?}");
        assert!(figure(&report, seen) > 0.0, "{flaw:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_what_is_lost_doubled_or_never_delivered() {
    for (flaw, word) in [(Flaw::Loses, "lost:"), (Flaw::Doubles, "doubled:"), (Flaw::ShortBatches, "missing:")] {
        let report = run("verify", flaw, SMALL).await;
        assert!(report.wrong().iter().any(|a| a.starts_with(word)), "{flaw:?}: {:?}", report.wrong());
    }
}
