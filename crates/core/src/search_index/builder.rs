use std::collections::HashMap;

use super::term::{self, Field, PAIR, SINGLE};
use super::{Block, block, postings};

/// Side of the table of ASCII pairs.
const ASCII: usize = 128;
/// No term has this ID.
const NONE: u32 = u32::MAX;

/// Collects the terms of documents and encodes them as a segment. Takes about eight bytes for each
/// term of each document until then.
#[derive(Debug)]
pub struct Builder {
    /// Term ID of each pair of ASCII characters.
    pairs: Vec<u32>,
    /// Term IDs of other characters: the second character in the low half and, above it, the first;
    /// zero above a single character.
    wide: HashMap<u64, u32>,
    named: HashMap<Box<[u8]>, u32>,
    /// By term ID: the last document of the term, as its position in `documents` plus 1.
    last: Vec<u32>,
    documents: Vec<u64>,
    /// A term ID and a position in `documents`.
    found: Vec<(u32, u32)>,
    scratch: Vec<u8>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            pairs: vec![NONE; ASCII * ASCII],
            wide: HashMap::new(),
            named: HashMap::new(),
            last: Vec::new(),
            documents: Vec::new(),
            found: Vec::new(),
            scratch: Vec::with_capacity(term::MAX),
        }
    }
}

impl Builder {
    /// Starts a document; the following terms belong to it. Documents may be added in any order,
    /// and more than once.
    pub fn document(&mut self, number: u64) {
        self.documents.push(number);
    }

    /// Adds a searchable string, folded with [`crate::search::fold`].
    pub fn text(&mut self, text: &str) {
        let text = term::clean(text);
        let mut before: Option<char> = None;
        for c in text.chars() {
            if c.is_whitespace() {
                before = None;
                continue;
            }
            if !c.is_ascii() {
                self.wide(u64::from(u32::from(c)));
            }
            match before {
                Some(one) if one.is_ascii() && c.is_ascii() => self.pair(one, c),
                // No character is as large as 2 to the 21st.
                Some(one) => {
                    self.wide(u64::from(u32::from(one) + 1) << 32 | u64::from(u32::from(c)))
                }
                None => {}
            }
            before = Some(c);
        }
    }

    /// Adds a field value, which may be empty.
    pub fn field(&mut self, field: Field, value: &str) {
        self.named(|term| term::put_field(term, field, value));
    }

    /// Adds a label; an empty one is ignored.
    pub fn label(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.named(|term| term::put_has_label(term, name));
            self.named(|term| term::put_label(term, name, value));
        }
    }

    /// Marks the document as received with other labels than those of its alert.
    pub fn overridden(&mut self) {
        self.named(|term| *term = term::overridden());
    }

    /// Number of documents, including repeated ones.
    #[must_use]
    pub fn documents(&self) -> usize {
        self.documents.len()
    }

    /// Encodes the segment as sorted blocks.
    #[must_use]
    pub fn finish(mut self) -> Vec<Block> {
        let terms = self.terms();
        let (starts, places) = self.by_term();
        let mut writer = block::Writer::default();
        let mut blocks = Vec::new();
        let mut numbers: Vec<u64> = Vec::new();
        let mut encoded = Vec::new();
        for (term, number) in terms {
            let number = number as usize;
            let places = &places[starts[number] as usize..starts[number + 1] as usize];
            numbers.clear();
            numbers.extend(places.iter().map(|place| self.documents[*place as usize]));
            if !numbers.is_sorted() {
                numbers.sort_unstable();
            }
            encoded.clear();
            let mut runs = postings::Writer::default();
            for number in &numbers {
                runs.push(&mut encoded, *number, *number + 1);
            }
            runs.flush(&mut encoded);
            blocks.extend(writer.push(&term, &encoded));
        }
        blocks.extend(writer.finish());
        blocks
    }

    /// All terms in order, with their IDs.
    fn terms(&mut self) -> Vec<(Box<[u8]>, u32)> {
        let mut terms: Vec<(Box<[u8]>, u32)> = self.named.drain().collect();
        let characters = |number: u64| char::from_u32(number as u32);
        for (&both, &number) in &self.wide {
            let first = (both >> 32).checked_sub(1).and_then(characters);
            let second = characters(both & u64::from(u32::MAX));
            let encoded = match (first, second) {
                (Some(first), Some(second)) => term::encode(PAIR, &[first, second]),
                (None, Some(one)) => term::encode(SINGLE, &[one]),
                _ => continue,
            };
            terms.push((encoded.into(), number));
        }
        for (pair, &number) in self.pairs.iter().enumerate() {
            if number != NONE {
                let encoded = [PAIR, (pair / ASCII) as u8, (pair % ASCII) as u8];
                terms.push((encoded.into(), number));
            }
        }
        terms.sort_unstable();
        terms
    }

    /// The document positions of term 0, then those of term 1, and so on; and the start of each
    /// term's positions.
    fn by_term(&self) -> (Vec<u32>, Vec<u32>) {
        let mut starts = vec![0_u32; self.last.len() + 1];
        for (term, _) in &self.found {
            starts[*term as usize + 1] += 1;
        }
        for term in 1..starts.len() {
            starts[term] += starts[term - 1];
        }
        let mut next = starts.clone();
        let mut places = vec![0_u32; self.found.len()];
        for (term, place) in &self.found {
            let next = &mut next[*term as usize];
            places[*next as usize] = *place;
            *next += 1;
        }
        (starts, places)
    }

    #[inline]
    fn pair(&mut self, one: char, other: char) {
        let place = one as usize * ASCII + other as usize;
        let mut number = self.pairs[place];
        if number == NONE {
            number = self.new_term();
            self.pairs[place] = number;
        }
        self.found(number);
    }

    fn wide(&mut self, characters: u64) {
        let next = self.last.len() as u32;
        let number = *self.wide.entry(characters).or_insert(next);
        if number == next {
            self.new_term();
        }
        self.found(number);
    }

    fn named(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut term = std::mem::take(&mut self.scratch);
        term.clear();
        write(&mut term);
        let number = match self.named.get(term.as_slice()) {
            Some(number) => *number,
            None => {
                let number = self.new_term();
                self.named.insert(term.as_slice().into(), number);
                number
            }
        };
        self.scratch = term;
        self.found(number);
    }

    fn new_term(&mut self) -> u32 {
        self.last.push(0);
        (self.last.len() - 1) as u32
    }

    /// Records that the last document has the term.
    #[inline]
    fn found(&mut self, term: u32) {
        let place = self.documents.len() as u32;
        let last = &mut self.last[term as usize];
        if *last != place && place > 0 {
            *last = place;
            self.found.push((term, place - 1));
        }
    }
}
