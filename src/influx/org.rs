//! The organization of one end. Where none is given, the record of the bucket tells it; what looks like an id may be a
//! name.

use serde::Deserialize;

use super::bucket::{Bucket, named, of_users};
use super::client::Client;
use super::error::{Error, FailureKind};
use super::id::{OrgKey, is_id};
use crate::limits::NAMES_LISTED_MAX;

/// What is known of the organization that a bucket is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrgFound {
    /// One, which all further requests name.
    One {
        /// Its id, if it is known.
        id: Option<String>,
        /// Its name, if the token may know it; or as it was given.
        name: Option<String>,
    },
    /// Several have a bucket of this name: their ids.
    Ambiguous(Vec<String>),
    /// None has one that the token may see, and the token sees several: their ids.
    Several(Vec<String>),
    /// None is to be seen.
    Unseen,
}

#[derive(Deserialize)]
struct Orgs {
    orgs: Vec<Org>,
}

#[derive(Deserialize)]
struct Org {
    id: String,
    name: String,
}

impl Client {
    /// Finds the organization that `bucket` is in, and names it in all further requests. Gives the bucket too, if the token
    /// may see it.
    pub async fn settle_org(&self, bucket: &str) -> Result<(OrgFound, Option<Bucket>), Error> {
        match self.given_org().map(str::to_owned) {
            Some(given) if is_id(&given) => self.settle_id(given, bucket).await,
            Some(given) => {
                let found = self.bucket_by_name(bucket).await?;
                let id = found.as_ref().map(|found| found.org_id.clone());
                Ok((OrgFound::One { id, name: Some(given) }, found))
            }
            None => self.settle_unknown(bucket).await,
        }
    }

    /// Sixteen hexadecimal digits: an id, unless only an organization of that name is there.
    async fn settle_id(
        &self,
        given: String,
        bucket: &str,
    ) -> Result<(OrgFound, Option<Bucket>), Error> {
        let known = |id: String| OrgFound::One { id: Some(id), name: Some(given.clone()) };
        let by_id = self.bucket_by_name(bucket).await;
        if let Ok(Some(found)) = &by_id
            && found.org_id == given
        {
            // Records name it, so that a job is the same however its organization is given.
            let name = self.org_name(&given).await?.unwrap_or_else(|| given.clone());
            return Ok((OrgFound::One { id: Some(given), name: Some(name) }, by_id?));
        }
        let named_so = match self.orgs(&[("org", &given)]).await? {
            Some(orgs) => orgs.into_iter().find(|org| org.name == given).map(|org| org.id),
            None => None,
        };
        let parameters = vec![("org", given.as_str()), ("name", bucket)];
        let by_name = self.buckets_of(parameters, bucket).await;
        let found = by_name.ok().and_then(|buckets| buckets.into_iter().next());
        if let Some(id) = found.as_ref().map(|found| found.org_id.clone()).or(named_so) {
            // By its id from now on: queries would take such a name for one.
            self.learn_org(OrgKey::Id(id.clone()));
            return Ok((known(id), found));
        }
        by_id?;
        // An empty list says that the token may not know; that there is none is an error.
        let what = "organization";
        match self.get::<Orgs>("/api/v2/orgs", vec![("orgID", given.as_str())], what).await {
            Err(error) if error.kind == FailureKind::NotFound => Err(error),
            _ => Ok((known(given.clone()), None)),
        }
    }

    async fn settle_unknown(&self, bucket: &str) -> Result<(OrgFound, Option<Bucket>), Error> {
        let mut found = self.buckets_of(vec![("name", bucket)], bucket).await?;
        let mut ids: Vec<String> = found.iter().map(|found| found.org_id.clone()).collect();
        let is_there = !ids.is_empty();
        if !is_there {
            let orgs = self.orgs(&[]).await?.unwrap_or_default();
            ids = orgs.into_iter().map(|org| org.id).collect();
        }
        ids.sort();
        ids.dedup();
        match ids.as_slice() {
            [] => Ok((OrgFound::Unseen, None)),
            [id] => {
                self.learn_org(OrgKey::Id(id.clone()));
                let name = self.org_name(id).await?;
                Ok((OrgFound::One { id: Some(id.clone()), name }, found.pop()))
            }
            _ if is_there => Ok((OrgFound::Ambiguous(ids), None)),
            _ => Ok((OrgFound::Several(ids), None)),
        }
    }

    /// The name of an organization, if the token may know it.
    async fn org_name(&self, id: &str) -> Result<Option<String>, Error> {
        let orgs = self.orgs(&[("orgID", id)]).await?.unwrap_or_default();
        Ok(orgs.into_iter().find(|org| org.id == id).map(|org| org.name))
    }

    /// Organizations that the token may see; none where it may not ask, or there is none such.
    async fn orgs(&self, parameters: &[(&str, &str)]) -> Result<Option<Vec<Org>>, Error> {
        match self.get::<Orgs>("/api/v2/orgs", parameters.to_vec(), "organization").await {
            Ok(found) => Ok(Some(found.orgs)),
            Err(error) => match error.kind {
                FailureKind::NotFound
                | FailureKind::Forbidden
                | FailureKind::Unauthorized
                | FailureKind::BadRequest
                | FailureKind::Unexpected => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Names of the organizations that the token may list, for a person who has given another one; none where it may list none.
    pub async fn org_names(&self) -> Vec<String> {
        let orgs = self.orgs(&[]).await.ok().flatten().unwrap_or_default();
        orgs.into_iter().map(|org| org.name).collect()
    }

    /// The buckets that the token may see, without the server's own.
    pub async fn buckets_seen(&self) -> Vec<Bucket> {
        let limit = NAMES_LISTED_MAX.to_string();
        let mut parameters: Vec<_> = self.org().into_iter().collect();
        parameters.push(("limit", &limit));
        let found = self.get("/api/v2/buckets", parameters, "list of buckets").await;
        found.map_or_else(|_| Vec::new(), of_users)
    }

    /// The id of the organization. The bucket tells it even to a token that may read nothing else, for which the
    /// list of organizations is empty.
    pub async fn org_id(&self, bucket: &str) -> Result<Option<String>, Error> {
        if let Some(bucket) = self.bucket_by_name(bucket).await? {
            return Ok(Some(bucket.org_id));
        }
        let found = match self.org() {
            None => return Ok(None),
            Some(("orgID", id)) => return Ok(Some(id.to_owned())),
            Some(org) => self.orgs(&[org]).await?.unwrap_or_default(),
        };
        let (_, name) = self.org().unwrap_or_default();
        Ok(found.into_iter().find(|org| org.name == name).map(|org| org.id))
    }

    /// The bucket of this name; `None` if there is none that the token may see.
    pub async fn bucket_by_name(&self, name: &str) -> Result<Option<Bucket>, Error> {
        let mut parameters: Vec<_> = self.org().into_iter().collect();
        parameters.push(("name", name));
        Ok(self.buckets_of(parameters, name).await?.into_iter().next())
    }

    async fn buckets_of(
        &self,
        parameters: Vec<(&str, &str)>,
        name: &str,
    ) -> Result<Vec<Bucket>, Error> {
        let what = format!("bucket {name:?}");
        // Asked with an organization, OSS answers 404 instead of an empty list. Of one that came without a text no
        // more can be known.
        let is_none = |error: &Error| {
            error.kind == FailureKind::NotFound
                && (error.message.starts_with("bucket ") || error.message.is_empty())
        };
        match self.get("/api/v2/buckets", parameters, &what).await {
            Err(error) if is_none(&error) => Ok(Vec::new()),
            found => Ok(named(found?, name)),
        }
    }
}
