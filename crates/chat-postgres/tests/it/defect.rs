//! Rows that contradict each other, as only a hand in the tables or a defect makes them: they spoil nothing but themselves.

use chat_contract::named;
use chat_domain::refusal::Refusal;

use crate::fixture::fresh;

#[tokio::test]
async fn a_room_whose_rows_contradict_each_other_spoils_no_other_of_the_batch() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let (broken, whole) = (world.room("broken", &[ann]).await, world.room("whole", &[ann]).await);
    world.posts(ann, broken, "hello").await;
    fresh.database().sql("UPDATE rooms SET head = head - 1 WHERE name = 'broken'");

    let batch = vec![
        (ann, whole, named("one", "one")),
        (ann, broken, named("two", "two")),
        (ann, whole, named("three", "three")),
    ];
    let mut answers = world.batch(batch).await.into_iter();
    let [one, two, three] = [(); 3].map(|()| answers.next().unwrap());
    assert!(matches!(two, Err(Refusal::Unavailable(_))), "{two:?}");
    assert_eq!(three.unwrap().events[0].seq, one.unwrap().events[0].seq + 1);
    assert!(world.does(ann, whole, named("four", "four")).await.is_ok());
    assert!(world.does(ann, broken, named("five", "five")).await.is_err(), "alone as well");
}
