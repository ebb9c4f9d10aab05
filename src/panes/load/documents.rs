//! Why statements have no view, and what helps.

use crate::django::COMMENT_FIRST;
use crate::document::{Document, Language};

/// What to do about statements that the server cuts.
pub(super) fn cut_statements(count: usize) -> Document {
    let mut document = Document::new("Statements that lost their tag");
    document.pair("seen", &format!("{count} times in the samples of this time"));
    document.text(
        "The server keeps only the first bytes of a statement (track_activity_query_size, 1 kB unless set). sqlcommenter \
         appends its comment, and Django names every column: of a long statement the comment is cut off, and pgdj cannot \
         tell its view.",
    );
    document.text("Keep more of each statement; needs a restart of the server:");
    document.code(Language::Sql, "ALTER SYSTEM SET track_activity_query_size = '16kB';");
    add_middleware(&mut document);
    document
}

/// What to do about statements without a tag.
pub(super) fn untagged() -> Document {
    let mut document = Document::new("Statements without a tag");
    document.text(
        "pgdj reads the Django view from the comment that sqlcommenter adds to each statement. Statements without one are \
         listed as (no tag), by the model of their table. No statement of this time was cut by the server.",
    );
    add_middleware(&mut document);
    document
}

fn add_middleware(document: &mut Document) {
    document.text(
        "A middleware that needs no package puts the comment first, where it is never cut; it is for requests, a Celery \
         task or a command needs the same around its work:",
    );
    document.code(Language::Python, COMMENT_FIRST);
    document.copied = Some(COMMENT_FIRST.to_owned());
}
