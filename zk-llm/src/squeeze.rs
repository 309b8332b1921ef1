//! Planner that prunes heads by significance and counts the bootstraps it saves.
