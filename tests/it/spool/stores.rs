//! Object stores: what stands where, and what is missing there.

use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use sluice::testing::spool::storage::Storage;

use super::killed;
use super::read_all;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

#[test]
fn a_record_or_a_file_that_is_gone_is_named() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let local = tempfile::tempdir().unwrap();
    let storage = Storage::objects(Arc::clone(&store), "", local.path()).unwrap();
    killed::run(&storage).unwrap();
    let content = killed::content(killed::BATCHES, true);
    assert_eq!(read_all(&storage).unwrap(), content);
    for name in ["journal/000000000000", "manifest.json"] {
        let path = Path::from(name);
        let bytes = run(async { store.get(&path).await.unwrap().bytes().await.unwrap() });
        run(store.delete(&path)).unwrap();
        let error = read_all(&storage).unwrap_err();
        assert!(error.is_state() && error.to_string().contains(&name[..7]), "{error}");
        run(store.put(&path, bytes.into())).unwrap();
    }
    assert_eq!(read_all(&storage).unwrap(), content);
}
