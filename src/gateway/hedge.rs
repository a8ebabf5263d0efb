//! Delayed hedging: when the first byte has not come in time, the next deployment is tried beside the first.
//!
//! Always: the first acceptable answer wins and the other exchange is dropped, which closes it at once; an extra call
//! has a permit of its own or is not made; the share of extra calls is the bucket's. What is the client's own mistake
//! is an acceptable answer too: the other one would only say it later.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actors::policy::hedge::Bucket;
use actors::router::Plan;
use actors::table::Deployment;
use futures::future::{Either, select};

use super::{Call, Granted, Missed};

pub(super) async fn race(
    call: &Call,
    after: Duration,
    bucket: &Bucket,
    first: Arc<Deployment>,
    plan: &mut Plan,
) -> Result<Granted, Missed> {
    let first = pin!(call.attempt(first));
    let first = match select(first, pin!(tokio::time::sleep(after))).await {
        Either::Left((ended, _)) => return ended,
        Either::Right(((), first)) => first,
    };
    if plan.is_empty() || !bucket.take() {
        return first.await;
    }
    let Some(next) = plan.pop() else { return first.await };
    let extra = pin!(call.attempt(next));
    match select(first, extra).await {
        Either::Left((ended, _)) | Either::Right((ended, _)) if is_last_word(&ended) => ended,
        Either::Left((Err(_), extra)) => {
            let ended = extra.await;
            give_back_unsent(bucket, &ended);
            ended
        }
        Either::Right((ended, first)) => {
            give_back_unsent(bucket, &ended);
            first.await
        }
        // An answer is a last word.
        Either::Left((Ok(granted), _)) => Ok(granted),
    }
}

fn is_last_word(ended: &Result<Granted, Missed>) -> bool {
    match ended {
        Ok(_) => true,
        Err(Missed::Failed(failure, _)) => !failure.cause.retryable(),
        Err(Missed::Refused(_) | Missed::Unsayable(..)) => false,
    }
}

/// The extra call was refused before it was made.
fn give_back_unsent(bucket: &Bucket, ended: &Result<Granted, Missed>) {
    if matches!(ended, Err(Missed::Refused(_) | Missed::Unsayable(..))) {
        bucket.give_back();
    }
}
