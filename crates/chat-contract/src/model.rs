//! The model: two stores do the same, step by step, and every answer is compared. One of them is memory, which is the
//! specification; so whatever no clause thought of is found here, and told with a seed that finds it again.

mod act;
mod answer;
mod choose;

use chat_domain::objects::Epoch;

use crate::{World, fixture::Stores};
use act::{Operation, perform};
use choose::Chooser;

/// Steps between two comparisons of everything that can be read.
const STEPS_BETWEEN_FULL_LOOKS: usize = 25;

/// Lets `a` and `b`, both empty, do the same `operations` things chosen by `seed`, and compares every answer but for the
/// epoch.
///
/// # Panics
/// On the first answer that differs, with the seed and all steps up to it.
pub async fn agree(seed: u64, operations: usize, a: &Stores, b: &Stores) {
    let epochs = (epoch_of(a).await, epoch_of(b).await);
    let mut chooser = Chooser::new(seed);
    let mut steps: Vec<Operation> = chooser.founding();
    let mut done = 0;
    while done < operations.max(steps.len()) {
        if done == steps.len() {
            steps.push(chooser.operation());
        }
        let operation = &steps[done];
        let (ours, theirs) = (perform(a, operation).await, perform(b, operation).await);
        chooser.learn(operation, &ours);
        compare(seed, &steps[..=done], operation, (&ours.told, &theirs.told), &epochs);
        done += 1;
        if done % STEPS_BETWEEN_FULL_LOOKS == 0 || done == operations {
            for question in chooser.everything() {
                let (ours, theirs) = (perform(a, &question).await, perform(b, &question).await);
                compare(seed, &steps[..done], &question, (&ours.told, &theirs.told), &epochs);
            }
        }
    }
}

fn compare(seed: u64, steps: &[Operation], asked: &Operation, told: (&str, &str), epochs: &(Epoch, Epoch)) {
    let (ours, theirs) = (told.0.replace(&*epochs.0.0, "EPOCH"), told.1.replace(&*epochs.1.0, "EPOCH"));
    if ours == theirs {
        return;
    }
    let steps: Vec<String> = steps.iter().enumerate().map(|(at, step)| format!("{at:4} {step:?}")).collect();
    panic!(
        "seed {seed}: the stores differ after {} steps\n{}\nasked {asked:?}\nfirst  {ours}\nsecond {theirs}",
        steps.len(),
        steps.join("\n")
    );
}

/// The store's epoch, by a room of somebody who takes no part in what follows.
async fn epoch_of(stores: &Stores) -> Epoch {
    let world = World::new(stores.clone());
    let founder = world.user("founder").await;
    let room = world.private("epoch", &[founder]).await;
    world.log(room).await.epoch
}
