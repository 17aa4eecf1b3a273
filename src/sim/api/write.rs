//! `/api/v2/write`.

use crate::sim::data::bucket::BucketInfo;
use crate::sim::data::points::parse_body;
use crate::sim::data::write::apply;
use crate::sim::http::reply::{ApiError, Reply, ReplyBody};
use crate::sim::http::request::HttpRequest;
use crate::sim::settings::Product;
use crate::sim::view::ServerView;

/// Writes all lines, or refuses some or all.
pub(super) fn answer(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let code = |status| if status == 400 { "invalid" } else { "not found" };
    if view.settings.kind == Product::Oss {
        view.check_org(request)
            .map_err(|(status, text)| ApiError::plain(status, code(status), text))?;
    }
    let ns_per_unit = match request.parameter("precision").as_deref() {
        None | Some("" | "ns") => 1,
        Some("us") => 1_000,
        Some("ms") => 1_000_000,
        Some("s") => 1_000_000_000,
        Some(_) => {
            return Err(ApiError::plain(
                400,
                "invalid",
                "invalid precision; valid precision units are ns, us, ms, and s",
            ));
        }
    };
    let bucket = bucket_of(request, view)?;
    let body = body_of(request, view)?;
    let points =
        parse_body(&body, ns_per_unit).map_err(|text| ApiError::plain(400, "invalid", text))?;
    let now = view.settings.clock.now().div_euclid(ns_per_unit).saturating_mul(ns_per_unit);
    let mut buckets = view.store.lock();
    let bucket = buckets.iter_mut().find(|known| known.info.id == bucket.id);
    let bucket = bucket.ok_or_else(|| ApiError::plain(404, "not found", "bucket not found"))?;
    match apply(bucket, &points, Some(now)) {
        Ok(()) => Ok(Reply::new(204, &[], ReplyBody::Empty)),
        Err(refused) => {
            Err(ApiError::plain(422, "unprocessable entity", refused.message(&bucket.info.id)))
        }
    }
}

/// The bucket that the request names, which the token may write.
pub(super) fn bucket_of(
    request: &HttpRequest,
    view: &ServerView<'_>,
) -> Result<BucketInfo, ApiError> {
    let name = request.parameter("bucket").unwrap_or_default();
    let not_found = |text: String| ApiError::plain(404, "not found", text);
    if name.is_empty() {
        return Err(not_found("bucket not found".to_owned()));
    }
    let bucket = view
        .store
        .bucket(&name)
        .ok_or_else(|| not_found(format!("bucket \"{name}\" not found")))?;
    if view.token.may_write(&bucket.name) {
        Ok(bucket)
    } else {
        Err(ApiError::plain(403, "forbidden", "insufficient permissions for write"))
    }
}

fn body_of(request: &HttpRequest, view: &ServerView<'_>) -> Result<Vec<u8>, ApiError> {
    let bound = view.settings.write_bytes_max.unwrap_or(usize::MAX);
    let too_large = || {
        ApiError::plain(413, "request too large", "unable to read data: points batch is too large")
    };
    let body = request.plain_body()?;
    if body.len() > bound { Err(too_large()) } else { Ok(body) }
}
