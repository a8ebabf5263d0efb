//! Delayed hedging: when the first byte has not come in time, the next deployment is tried beside the first.
//!
//! Always: the first acceptable answer wins and the other exchange is dropped, which closes it at once; an extra call
//! has a permit of its own or is not made; the share of extra calls is the bucket's; where both fail, both are booked.
//! What is the client's own mistake is an acceptable answer too: the other one would only say it later.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actors::policy::hedge::Bucket;
use actors::router::Plan;
use actors::table::Deployment;
use futures::future::{Either, select};

use super::tally::Tally;
use super::{AllMissed, Begun, Call, Granted, Missed};

pub(super) async fn race(
    call: &Call,
    after: Duration,
    bucket: &Bucket,
    first: Begun<'_>,
    plan: &mut Plan,
    tally: &Tally,
) -> Result<Granted, AllMissed> {
    let first = pin!(call.attempt(first));
    let first = match select(first, pin!(tokio::time::sleep(after))).await {
        Either::Left((ended, _)) => return ended.map_err(AllMissed::from),
        Either::Right(((), first)) => first,
    };
    let Some(next) = next(call, bucket, plan, tally) else { return first.await.map_err(AllMissed::from) };
    let extra = pin!(async { call.attempt(call.begin(next).await).await });
    match select(first, extra).await {
        Either::Left((ended, _)) | Either::Right((ended, _)) if is_last_word(&ended) => ended.map_err(AllMissed::from),
        Either::Left((Err(missed), extra)) => {
            let ended = extra.await;
            give_back_unsent(bucket, &ended);
            ended.map_err(|other| AllMissed(missed, Some(other)))
        }
        Either::Right((ended, first)) => {
            give_back_unsent(bucket, &ended);
            let other = first.await;
            match (ended, other) {
                (_, Ok(granted)) | (Ok(granted), Err(_)) => Ok(granted),
                (Err(missed), Err(other)) => Err(AllMissed(missed, Some(other))),
            }
        }
        // An answer is a last word.
        Either::Left((Ok(granted), _)) => Ok(granted),
    }
}

/// Who is tried beside the first, if the budget has one more call.
fn next(call: &Call, bucket: &Bucket, plan: &mut Plan, tally: &Tally) -> Option<Arc<Deployment>> {
    // The first may be a repeat itself, and is not booked yet.
    let repeats = call.shard.table.config.retry.max_retries.saturating_sub(1);
    let fits = plan.last().is_some_and(|next| tally.may_try(next, repeats)) && bucket.take();
    if fits { plan.pop() } else { None }
}

fn is_last_word(ended: &Result<Granted, Missed>) -> bool {
    match ended {
        Ok(_) => true,
        Err(Missed::Failed { failure, .. }) => !failure.cause.retryable(),
        Err(Missed::Refused(_) | Missed::Unsayable(..)) => false,
    }
}

/// The extra call was refused before it was made.
fn give_back_unsent(bucket: &Bucket, ended: &Result<Granted, Missed>) {
    if matches!(ended, Err(Missed::Refused(_) | Missed::Unsayable(..))) {
        bucket.give_back();
    }
}
