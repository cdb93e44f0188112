//! The model: two stores do the same, step by step, and every answer is compared. One of them is memory, which is the
//! specification; so whatever no clause thought of is found here, and told with a seed that finds it again.

mod act;
mod answer;
mod choose;

use chat_domain::{
    objects::Epoch,
    ports::{Archive, Kind},
    usecases::copying,
};

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
    Run::begin(seed, a, b).await.until(operations, a, b).await;
}

/// The same, but in the middle of it all the record `from` is copied into the empty record `to`, which goes on in its place: nobody may
/// notice.
///
/// # Panics
/// As [`agree`], and when the copy fails.
pub async fn agree_across_a_copy(
    seed: u64,
    operations: usize,
    a: &Stores,
    (b, from): (&Stores, &dyn Archive),
    (c, to): (&Stores, &dyn Archive),
) {
    let mut run = Run::begin(seed, a, b).await;
    run.until(operations / 2, a, b).await;
    let tallies = copying::copy(from, to, |_, _| {}).await.unwrap_or_else(|refused| panic!("seed {seed}: {refused}"));
    assert!(
        tallies.iter().any(|tally| tally.kind == Kind::Messages && tally.rows > 0),
        "seed {seed}: nothing was said"
    );
    run.until(operations, a, c).await;
}

/// One seed's way through the model.
struct Run {
    seed: u64,
    chooser: Chooser,
    steps: Vec<Operation>,
    done: usize,
    epochs: (Epoch, Epoch),
}

impl Run {
    async fn begin(seed: u64, a: &Stores, b: &Stores) -> Self {
        let epochs = (epoch_of(a).await, epoch_of(b).await);
        let mut chooser = Chooser::new(seed);
        let steps = chooser.founding();
        Self { seed, chooser, steps, done: 0, epochs }
    }

    async fn until(&mut self, operations: usize, a: &Stores, b: &Stores) {
        while self.done < operations.max(self.steps.len()) {
            if self.done == self.steps.len() {
                self.steps.push(self.chooser.operation());
            }
            let operation = &self.steps[self.done];
            let (ours, theirs) = (perform(a, operation).await, perform(b, operation).await);
            self.chooser.learn(operation, &ours);
            self.compare(self.done + 1, operation, &ours.told, &theirs.told);
            self.done += 1;
            if self.done.is_multiple_of(STEPS_BETWEEN_FULL_LOOKS) || self.done == operations {
                for question in self.chooser.everything() {
                    let (ours, theirs) = (perform(a, &question).await, perform(b, &question).await);
                    self.compare(self.done, &question, &ours.told, &theirs.told);
                }
            }
        }
    }

    fn compare(&self, done: usize, asked: &Operation, ours: &str, theirs: &str) {
        let (first, second) = &self.epochs;
        let (ours, theirs) = (ours.replace(&*first.0, "EPOCH"), theirs.replace(&*second.0, "EPOCH"));
        if ours == theirs {
            return;
        }
        let (seed, steps) = (self.seed, &self.steps[..done]);
        let told: Vec<String> = steps.iter().enumerate().map(|(at, step)| format!("{at:4} {step:?}")).collect();
        panic!(
            "seed {seed}: the stores differ after {} steps\n{}\nasked {asked:?}\nfirst  {ours}\nsecond {theirs}",
            steps.len(),
            told.join("\n")
        );
    }
}

/// The store's epoch, by a room of somebody who takes no part in what follows.
async fn epoch_of(stores: &Stores) -> Epoch {
    let world = World::new(stores.clone());
    let founder = world.user("founder").await;
    let room = world.private("epoch", &[founder]).await;
    world.log(room).await.epoch
}
