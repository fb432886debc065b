//! Duplicates and reorderings, on purpose and replayable.

use hub_local_aws::Unruly;

use crate::world::{World, pass};

async fn run(seed: u64, unruly: Unruly) -> Vec<String> {
    let world = World::with_seed(seed);
    world.aws.queues_unruly(unruly);
    let url = world.queue("q", &[]).await;
    for body in 0..100 {
        world.send(&url, &body.to_string()).await;
    }
    let mut bodies = Vec::new();
    while world.aws.next_due("q").is_some() {
        for message in world.receive(&url, 10).await {
            let delete = world.sqs.delete_message().queue_url(&url);
            delete
                .receipt_handle(message.receipt_handle.unwrap())
                .send()
                .await
                .unwrap();
            bodies.push(message.body.unwrap());
        }
        pass(1).await;
    }
    bodies
}

#[tokio::test(start_paused = true)]
async fn duplicates_arrive_although_the_original_was_deleted() {
    let unruly = Unruly {
        duplicate_per_mille: 300,
        reorder_per_mille: 0,
    };
    let seen = run(1, unruly).await;
    assert!((115..160).contains(&seen.len()), "{}", seen.len());
    for body in 0..100 {
        let times = seen.iter().filter(|b| **b == body.to_string()).count();
        assert!((1..=2).contains(&times), "{body} came {times} times");
    }
    assert_eq!(seen, run(1, unruly).await, "the same seed replays");
    assert_ne!(seen, run(2, unruly).await);
}

#[tokio::test(start_paused = true)]
async fn reordered_messages_overtake_and_none_is_lost() {
    let seen = run(
        1,
        Unruly {
            duplicate_per_mille: 0,
            reorder_per_mille: 200,
        },
    )
    .await;
    let plain: Vec<String> = (0..100).map(|body| body.to_string()).collect();
    assert_ne!(seen, plain);
    let mut sorted: Vec<u32> = seen.iter().map(|body| body.parse().unwrap()).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..100).collect::<Vec<u32>>());
    assert_eq!(run(1, Unruly::default()).await, plain);
}
