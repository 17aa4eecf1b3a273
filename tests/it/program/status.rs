//! `status` as a program: every state of a job, reached by a run of the program, and read from the batch bucket alone.

use std::process::Command;

use super::World;

impl World {
    /// `sluice status` of the destination.
    fn status(&self, more: &[&str]) -> Command {
        let oss = self.oss.url();
        self.command(&[&["status", "--destination-host", &oss], more].concat())
    }
}

#[tokio::test]
async fn a_first_look() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let ended = world.start(world.status(&["-v"])).ended().await;
    println!("{}\n{}", ended.out, ended.err);
    let ended = world.start(world.status(&["--json"])).ended().await;
    println!("{}\n{}", ended.out, ended.err);
    for record in world.oss.records() {
        println!("{} {} {}", record.method, record.path, record.body_head);
    }
}
