//! A document: what is known of a row, a finding, a plan, as blocks to read.
//!
//! Made once, shown by the screen and by a stream (`ui`) and as markdown. Texts are as the server gave them: whoever shows
//! a document cleans them. JSON is written from the figures themselves, so that no program has to read sentences.

/// A document with a title.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// What `y` copies, where it is not the whole text.
    pub copied: Option<String>,
    /// The title of the pane that its subject is a row of, for the key that goes there.
    pub leads_to: Option<&'static str>,
    /// Its contents.
    pub blocks: Vec<Block>,
}

/// What a document is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A heading.
    Heading(HeadingLevel, String),
    /// Facts, one below the other.
    Facts(Vec<Fact>),
    /// A paragraph.
    Text(String, Tone),
    /// Paragraphs that are one thing each.
    List(Vec<String>, Tone),
    /// Code.
    Code(Language, String),
}

/// A label and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The label.
    pub label: String,
    /// The value with its unit.
    pub value: String,
    /// What the value means.
    pub tone: Tone,
}

/// What a heading stands above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadingLevel {
    /// A part of the document.
    Section,
    /// One of the things of a part: a tip, an index.
    Item,
}

/// What a text means to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// It can be skipped.
    Muted,
    /// The most important.
    Strong,
    /// What to do.
    Accent,
    /// Nothing to do.
    Good,
    /// It needs action soon.
    Warning,
    /// It needs action.
    Bad,
}

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// PostgreSQL's SQL.
    Sql,
    /// Django code.
    Python,
    /// A plan as JSON, a tag.
    Json,
    /// A plan as EXPLAIN writes it.
    Plan,
    /// None: no colours.
    Plain,
}

impl Document {
    /// An empty document.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Adds the heading of a part.
    pub fn heading(&mut self, text: &str) {
        self.blocks.push(Block::Heading(HeadingLevel::Section, text.to_owned()));
    }

    /// Adds the heading of one thing among others.
    pub fn item(&mut self, text: String) {
        self.blocks.push(Block::Heading(HeadingLevel::Item, text));
    }

    /// Adds a fact.
    pub fn pair(&mut self, label: &str, value: &str) {
        self.pair_as(label, value, Tone::Plain);
    }

    /// Adds a fact with what it means.
    pub fn pair_as(&mut self, label: &str, value: &str, tone: Tone) {
        let fact = Fact { label: label.to_owned(), value: value.to_owned(), tone };
        match self.blocks.last_mut() {
            Some(Block::Facts(facts)) => facts.push(fact),
            _ => self.blocks.push(Block::Facts(vec![fact])),
        }
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: &str) {
        self.text_as(text, Tone::Plain);
    }

    /// Adds a paragraph with what it means.
    pub fn text_as(&mut self, text: &str, tone: Tone) {
        self.blocks.push(Block::Text(text.to_owned(), tone));
    }

    /// Adds paragraphs that are one thing each; none add nothing.
    pub fn list(&mut self, items: Vec<String>, tone: Tone) {
        if !items.is_empty() {
            self.blocks.push(Block::List(items, tone));
        }
    }

    /// Adds code.
    pub fn code(&mut self, language: Language, code: &str) {
        self.blocks.push(Block::Code(language, code.to_owned()));
    }

    /// Returns its facts, in order.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.blocks.iter().flat_map(|block| if let Block::Facts(facts) = block { facts.as_slice() } else { &[] })
    }
}
