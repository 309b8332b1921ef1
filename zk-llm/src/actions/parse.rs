//! Reads an expression: variables of letters, whole numbers, `+`, `-`, `*` and parentheses.

use std::str::FromStr;

use super::{Expression, Node, NodeId, MAX_NODES};
use crate::error::{Error, Result};

/// Parentheses inside one another at most.
const MAX_DEPTH: usize = 64;

impl FromStr for Expression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser {
            text: text.as_bytes(),
            at: 0,
            depth: 0,
            nodes: vec![],
        };
        let root = parser.sum()?;
        match parser.peek() {
            None => Ok(Self {
                nodes: parser.nodes,
                root,
            }),
            Some(_) => Err(parser.fail("an operator is missing")),
        }
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    nodes: Vec<Node>,
}

impl Parser<'_> {
    fn fail(&self, what: &str) -> Error {
        Error::Expression(format!("{what} at character {}", self.at + 1))
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn push(&mut self, node: Node) -> Result<NodeId> {
        if self.nodes.len() == MAX_NODES {
            return Err(Error::Expression(format!("it has more than {MAX_NODES} parts")));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    /// A variable or number is one node, however often it occurs.
    fn leaf(&mut self, node: Node) -> Result<NodeId> {
        match self.nodes.iter().position(|known| *known == node) {
            Some(id) => Ok(id),
            None => self.push(node),
        }
    }

    fn sum(&mut self) -> Result<NodeId> {
        let mut left = self.product()?;
        while let Some(operator @ (b'+' | b'-')) = self.peek() {
            self.at += 1;
            let right = self.product()?;
            left = self.push(match operator {
                b'+' => Node::Add(left, right),
                _ => Node::Subtract(left, right),
            })?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<NodeId> {
        let mut left = self.factor()?;
        while self.peek() == Some(b'*') {
            self.at += 1;
            let right = self.factor()?;
            left = self.push(Node::Multiply(left, right))?;
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<NodeId> {
        let from = match self.peek() {
            Some(b'(') => {
                self.at += 1;
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(self.fail("more than 64 parentheses are open"));
                }
                let inner = self.sum()?;
                if self.peek() != Some(b')') {
                    return Err(self.fail("a closing parenthesis is missing"));
                }
                self.at += 1;
                self.depth -= 1;
                return Ok(inner);
            }
            Some(first) if first.is_ascii_alphanumeric() => self.at,
            _ => return Err(self.fail("a variable or number is missing")),
        };
        while self.text.get(self.at).is_some_and(u8::is_ascii_alphanumeric) {
            self.at += 1;
        }
        let word = String::from_utf8_lossy(&self.text[from..self.at]).into_owned();
        if !word.as_bytes()[0].is_ascii_digit() {
            return self.leaf(Node::Variable(word));
        }
        match word.parse() {
            Ok(value) if value <= i64::from(i32::MAX) => self.leaf(Node::Constant(value)),
            _ => Err(self.fail("a number is malformed or too large")),
        }
    }
}
