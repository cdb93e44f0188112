//! Against a real server, which has to be installed.

use chat_testbed::Postgres;

use super::*;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts PostgreSQL"]
async fn heads_and_rows_move_together_and_copies_are_apart() {
    let postgres = tokio::task::spawn_blocking(Postgres::start).await.unwrap().unwrap();
    let mut rival = OneTransaction::open(&postgres.url("postgres"), 4, 3).await.unwrap();
    assert_eq!(rival.connections(), 4);
    let (rows, took) = rival.slice(Duration::from_millis(300)).await.unwrap();
    assert!(rows > 0 && took >= Duration::from_millis(300));
    let (more, _) = rival.slice(Duration::from_millis(100)).await.unwrap();
    let (copied, _) = rival.copy(Duration::from_millis(100)).await.unwrap();
    tokio::task::spawn_blocking(move || {
        let ask = |sql: &str| postgres.run_sql("postgres", sql).unwrap().trim().to_owned();
        assert_eq!(ask("SELECT count(*) FROM messages"), (rows + more).to_string());
        assert_eq!(ask("SELECT sum(head), count(*) FROM rooms"), format!("{}|3", rows + more));
        assert_eq!(ask("SELECT count(*) FROM copied WHERE length(fingerprint) = 32"), copied.to_string());
    })
    .await
    .unwrap();
}
