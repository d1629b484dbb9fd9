//! The page, embedded by the build: files with strong tags, compressed, and one document for every
//! address of the page.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use memory_serve::{Asset, CacheControl, MemoryServe};
use sha2::{Digest, Sha256};

/// Where the build puts files whose names change with their content.
const HASHED: &str = "/assets/";

static EMBEDDED: &[(&str, &[Asset])] =
    include!(concat!(env!("OUT_DIR"), "/memory_serve_assets.rs"));

/// Changes with the version and with every embedded file: a page of another build reloads.
pub fn build_id() -> &'static str {
    static ID: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        for file in files() {
            hash.update(format!("{} {}\n", file.route, file.etag));
        }
        let content: String = hash.finalize()[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{}-{content}", env!("CARGO_PKG_VERSION"))
    });
    &ID
}

/// Serves the embedded files, and the page's document wherever a browser asks for a document.
pub(crate) fn router() -> Router {
    // Built once: it keeps the decompressed files for as long as the process lives.
    static PAGES: LazyLock<Router> = LazyLock::new(|| {
        let serve = || {
            MemoryServe::new(files())
                .index_file(Some("/index.html"))
                .fallback(Some("/index.html"))
                .fallback_status(StatusCode::OK)
                .html_cache_control(CacheControl::NoCache)
                .cache_control(CacheControl::NoCache)
                .into_router()
                .layer(from_fn(only_pages))
        };
        // A line of log for every file says nothing that the build did not know.
        let quiet = tracing::subscriber::NoSubscriber::default();
        tracing::subscriber::with_default(quiet, serve)
    });
    PAGES.clone()
}

/// The document stands for an address of the page, never for a file or a program's question.
async fn only_pages(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let hashed = path.starts_with(HASHED);
    let file = path == "/" || files().iter().any(|file| file.route == path);
    if !file && (hashed || !asks_for_page(request.method(), request.headers())) {
        return (StatusCode::NOT_FOUND, "there is no such page\n").into_response();
    }
    let mut response = next.run(request).await;
    if file && hashed {
        response.headers_mut().insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        );
    }
    response
}

fn asks_for_page(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
        && headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"))
}

fn files() -> &'static [Asset] {
    EMBEDDED
        .first()
        .map(|(_, files)| *files)
        .unwrap_or_default()
}
