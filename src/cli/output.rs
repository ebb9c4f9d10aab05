//! Documents in the format that was asked for.

use super::args::OutputFormat;
use super::target::theme;
use crate::config::Config;
use crate::document::Document;
use crate::pg::address::Environment;
use crate::ui::html::{self, HtmlPart};
use crate::ui::{markdown, stream};

/// Writes documents; JSON is not made of them, so it comes from the figures.
pub(super) fn write(
    format: OutputFormat,
    documents: &[Document],
    json: impl FnOnce() -> String,
    (config, environment): (&Config, &Environment),
) -> Vec<u8> {
    let text = match format {
        OutputFormat::Text => stream::write(documents, theme(config, environment).as_ref()),
        OutputFormat::Json => json(),
        OutputFormat::Markdown => markdown::write(documents),
        OutputFormat::Html => {
            html::write(&documents.iter().map(|document| HtmlPart { document, plan: None }).collect::<Vec<_>>())
        }
    };
    text.into_bytes()
}
