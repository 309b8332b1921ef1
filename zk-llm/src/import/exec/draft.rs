//! Guesses of the next tokens, from the text itself.

/// Longest run of tokens that is looked for in the text before.
const RUN: usize = 4;

/// Guesses the `count` tokens that follow a text: after its last tokens, what followed the same tokens the last time, the
/// longest run first; where even the last token is new, the token itself. Guesses depend on the text alone, and cost no
/// more than a search through it; none are made of an empty text.
pub fn guesses(text: &[u32], count: usize) -> Vec<u32> {
    let mut all = text.to_vec();
    for _ in 0..count {
        let Some(last) = all.last().copied() else {
            break;
        };
        all.push(follower(&all).unwrap_or(last));
    }
    all.split_off(text.len())
}

/// What followed the latest earlier occurrence of the longest run at the text's end.
fn follower(text: &[u32]) -> Option<u32> {
    (1..=RUN.min(text.len())).rev().find_map(|length| {
        let run = &text[text.len() - length..];
        let earlier = &text[..text.len() - 1];
        let at = earlier.windows(length).rposition(|window| window == run)?;
        text.get(at + length).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_the_longest_run_is_guessed_again() {
        // Alone, 3 was last followed by 9; after 1 and 2 it was followed by 4.
        assert_eq!(guesses(&[1, 2, 3, 4, 5, 3, 9, 1, 2, 3], 3), [4, 5, 3]);
        assert_eq!(guesses(&[3, 4, 3, 9, 3], 1), [9], "the latest of equal runs");
    }

    #[test]
    fn guesses_go_on_from_guesses_and_always_come_in_full() {
        assert_eq!(guesses(&[1, 2, 1], 5), [2, 1, 2, 1, 2]);
        assert_eq!(guesses(&[1, 2, 3], 2), [3, 3], "nothing was seen before");
        assert_eq!(guesses(&[7], 3), [7; 3]);
        assert_eq!(guesses(&[], 3), [0u32; 0]);
        assert_eq!(guesses(&[1, 2, 1], 0), [0u32; 0]);
    }
}
