//! The world's control page: plain buttons in both languages.

use std::{fmt::Write, sync::Arc};

use anyhow::Context;
use axum::{
    Form, Router,
    extract::State,
    response::{Html, Redirect},
    routing::{get, post},
};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{fleet::Fleet, player::Command, stage::Stage, world::sites::Post};

#[derive(Clone)]
struct World {
    stage: Arc<Stage>,
    fleet: Arc<Fleet>,
}

/// Serves the page on a free port of this machine; says where.
pub(super) async fn serve(
    stage: Arc<Stage>,
    fleet: Arc<Fleet>,
    stop: CancellationToken,
    tasks: &TaskTracker,
) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("the world's control page")?;
    let address = listener.local_addr()?.to_string();
    let router = Router::new()
        .route("/", get(page))
        .route("/do", post(act))
        .with_state(World { stage, fleet });
    tasks.spawn(async move {
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        // A browser that keeps its connection open does not keep the demo.
        let served = tokio::select! {
            served = serving => served,
            () = stop.cancelled() => Ok(()),
        };
        if let Err(error) = served {
            tracing::error!(error = %error, "the world's control page is away");
        }
    });
    Ok(address)
}

/// A button.
#[derive(Debug, Deserialize)]
struct Action {
    what: What,
    #[serde(default)]
    site: String,
    #[serde(default)]
    unit: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Unplug,
    Replug,
    CutLink,
    RestoreLink,
    KillUnit,
    KillHub,
    Feverish,
    SkipRound,
}

async fn act(State(world): State<World>, Form(action): Form<Action>) -> Redirect {
    let Action { what, site, unit } = action;
    let World { stage, fleet } = &world;
    let ask = async |unit: &str, command| {
        if let Some(player) = stage.player(&site, unit) {
            player.ask(command).await;
        }
    };
    match what {
        What::Unplug => stage.power(fleet, &site, &unit, false).await,
        What::Replug => stage.power(fleet, &site, &unit, true).await,
        What::CutLink => ask(&unit, Command::CutLink).await,
        What::RestoreLink => ask(&unit, Command::RestoreLink).await,
        What::KillUnit => {
            if let Some(unit) = fleet.unit(&site, &unit) {
                unit.process.kill();
            }
        }
        What::KillHub => fleet.hub.kill(),
        What::Feverish => ask(Post::Gate.unit(), Command::Feverish).await,
        What::SkipRound => ask(Post::Yard.unit(), Command::SkipRound).await,
    }
    Redirect::to("/")
}

async fn page(State(world): State<World>) -> Html<String> {
    let mut body = String::new();
    let mut last_site = "";
    for (site, unit, remote) in &world.stage.players {
        if site != last_site {
            last_site = site;
            let fever = button(
                "feverish",
                site,
                "",
                "来一个发热的人 · Send a feverish person",
            );
            let skip = button(
                "skip_round",
                site,
                "",
                "跳过下一次消毒 · Skip the next round",
            );
            let _ = write!(body, "<h2>{site}</h2><p>{fever}{skip}</p>");
        }
        let stands = remote.progress();
        let state = match (stands.powered, stands.attached, stands.live) {
            (false, ..) => "断电 · no power",
            (_, false, _) => "启动中 · starting",
            (.., false) => "历史 · living through its history",
            _ => "运行 · running",
        };
        let power = if stands.powered {
            button("unplug", site, unit, "断电 · Unplug")
        } else {
            button("replug", site, unit, "通电 · Plug in")
        };
        let link = if stands.link_cut {
            button("restore_link", site, unit, "恢复网络 · Restore the link")
        } else {
            button("cut_link", site, unit, "断网 · Cut the link")
        };
        let kill = button("kill_unit", site, unit, "杀进程 · Kill its process");
        let _ = write!(body, "<p><b>{unit}</b> {state} {power}{link}{kill}</p>");
    }
    let hub = button("kill_hub", "", "", "杀中心进程 · Kill the hub");
    Html(format!(
        "<!doctype html><html lang=\"zh\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Gatepost: the world</title>\
         <style>body{{font:16px system-ui;margin:2em;max-width:60em}}form{{display:inline}}button{{font:inherit;margin:.2em .4em}}</style>\
         <h1>模拟世界 · The world</h1>\
         <p>这里改变的是现实，不是软件。 · These buttons change what happens, not what is recorded. {hub}</p>{body}</html>"
    ))
}

/// Ids of sites and units need no escaping.
fn button(what: &str, site: &str, unit: &str, text: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/do\"><input type=\"hidden\" name=\"site\" value=\"{site}\">\
         <input type=\"hidden\" name=\"unit\" value=\"{unit}\"><button name=\"what\" value=\"{what}\">{text}</button></form>"
    )
}
