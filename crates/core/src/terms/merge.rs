use super::{Block, Corrupt, block, postings};

/// Merges sorted segments into one, of which it holds one block each.
///
/// [`Merger::step`] says what it wants; [`Merger::give`] gives it the block.
#[derive(Debug)]
pub struct Merger {
    sources: Vec<Source>,
    live: Option<Vec<(u64, u64)>>,
    writer: block::Writer,
    encoded: Vec<u8>,
}

/// What a [`Merger`] does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// It needs the next block of this segment.
    Need(usize),
    /// The merged segment's next block.
    Block(Block),
    /// That was all.
    Done,
}

#[derive(Debug)]
enum Source {
    Hungry,
    /// A block, with the term that comes next: where it stands in the block is
    /// after that term, and where its postings are.
    Open {
        data: Vec<u8>,
        at: usize,
        term: Vec<u8>,
        postings: std::ops::Range<usize>,
    },
    Ended,
}

impl Merger {
    /// Of so many segments.
    #[must_use]
    pub fn new(segments: usize) -> Self {
        Self {
            sources: (0..segments).map(|_| Source::Hungry).collect(),
            live: None,
            writer: block::Writer::default(),
            encoded: Vec::new(),
        }
    }

    /// Leaves out what is not in these runs of documents, `[from, to)` each,
    /// in order, none touching the next.
    #[must_use]
    pub fn only(mut self, live: Vec<(u64, u64)>) -> Self {
        self.live = Some(live);
        self
    }

    /// The next block of the segment that [`Step::Need`] names; `None` where it
    /// has no more.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn give(&mut self, segment: usize, data: Option<Vec<u8>>) -> Result<(), Corrupt> {
        let Some(source) = self.sources.get_mut(segment) else {
            return Ok(());
        };
        *source = match data {
            None => Source::Ended,
            Some(data) => Source::open(data, 0, Vec::new())?,
        };
        Ok(())
    }

    /// Goes on until it wants something.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn step(&mut self) -> Result<Step, Corrupt> {
        loop {
            let hungry = |source: &Source| matches!(source, Source::Hungry);
            if let Some(segment) = self.sources.iter().position(hungry) {
                return Ok(Step::Need(segment));
            }
            let Some(least) = self.sources.iter().filter_map(Source::term).min() else {
                let last = self.writer.finish();
                return Ok(last.map_or(Step::Done, Step::Block));
            };
            let least = least.to_vec();
            let with_it = self
                .sources
                .iter()
                .filter(|source| source.term() == Some(&least));
            let found: Vec<&[u8]> = with_it.filter_map(Source::postings).collect();
            let full = match found[..] {
                [only] if self.live.is_none() => self.writer.push(&least, only),
                _ => {
                    self.encoded.clear();
                    postings::merge(&found, self.live.as_deref(), &mut self.encoded)?;
                    match self.encoded.is_empty() {
                        true => None,
                        false => self.writer.push(&least, &self.encoded),
                    }
                }
            };
            for source in &mut self.sources {
                if source.term() == Some(&least) {
                    source.advance()?;
                }
            }
            if let Some(block) = full {
                return Ok(Step::Block(block));
            }
        }
    }
}

impl Source {
    fn open(data: Vec<u8>, at: usize, mut term: Vec<u8>) -> Result<Self, Corrupt> {
        let mut rest = data.get(at..).ok_or(Corrupt)?;
        if rest.is_empty() {
            return Ok(Self::Hungry);
        }
        let postings = block::take(&mut rest, &mut term)?;
        let at = data.len() - rest.len();
        let postings = at - postings.len()..at;
        Ok(Self::Open {
            data,
            at,
            term,
            postings,
        })
    }

    fn term(&self) -> Option<&[u8]> {
        match self {
            Self::Open { term, .. } => Some(term),
            _ => None,
        }
    }

    fn postings(&self) -> Option<&[u8]> {
        match self {
            Self::Open { data, postings, .. } => data.get(postings.clone()),
            _ => None,
        }
    }

    fn advance(&mut self) -> Result<(), Corrupt> {
        if let Self::Open { data, at, term, .. } = std::mem::replace(self, Self::Hungry) {
            *self = Self::open(data, at, term)?;
        }
        Ok(())
    }
}
