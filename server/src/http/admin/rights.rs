//! What each role may do beyond looking.

use app::pages::admin::frame::Rights;

/// The rights of a role; an unknown role has none.
pub(super) fn of(role: &str) -> Rights {
    Rights {
        stop_charges: matches!(role, "owner" | "support" | "technician"),
        retry_jobs: matches!(role, "owner" | "finance"),
        read_books: matches!(role, "owner" | "finance"),
        decide_cases: matches!(role, "owner" | "finance"),
        give_back: matches!(role, "owner" | "finance" | "support"),
        share_rules: role == "owner",
    }
}
