use yew::prelude::*;

/// Icons, drawn on a 16×16 grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IconName {
    Bell,
    Critical,
    Alert,
    Info,
    Dot,
    Check,
    Clock,
    Close,
    Search,
    Filter,
    Settings,
    Help,
    Up,
    Down,
    Left,
    Right,
    Plus,
    Pencil,
    Trash,
    Copy,
    Mail,
    Undo,
    Refresh,
    External,
    List,
    People,
    Flame,
    Pause,
    Expired,
    User,
    Download,
    Eye,
    EyeOff,
    Key,
    Shield,
    Leave,
}

impl IconName {
    fn path(self) -> &'static str {
        match self {
            Self::Bell => "M4 11V7a4 4 0 0 1 8 0v4l1.2 1.5H2.8L4 11ZM6.6 14.3h2.8M8 3V1.7",
            Self::Critical => {
                "M5.3 1.8h5.4l3.5 3.5v5.4l-3.5 3.5H5.3l-3.5-3.5V5.3ZM8 4.8v3.7M8 11v.2"
            }
            Self::Alert => "M8 2.2 14.6 13.5H1.4ZM8 6.3v3.4M8 11.5v.2",
            Self::Info => "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM8 7.3v3.7M8 5v.2",
            Self::Dot => "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z",
            Self::Check => "m2.8 8.5 3.4 3.5 7-7.8",
            Self::Clock => "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM8 4.6V8l2.4 1.6",
            Self::Close => "m3.5 3.5 9 9M12.5 3.5l-9 9",
            Self::Search => "M7 2.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6ZM10.5 10.5l3.7 3.7",
            Self::Filter => "M2 3.5h12M4.5 8h7M6.8 12.5h2.4",
            Self::Settings => {
                "M2 4.5h6.5M12.5 4.5H14M10.5 2.7v3.6M2 11.5h1.5M7.5 11.5H14M5.5 9.7v3.6"
            }
            Self::Help => "M5.8 6a2.2 2.2 0 1 1 3.4 1.9C8.3 8.5 8 8.9 8 9.7M8 12.3v.2",
            Self::Up => "m3.5 10 4.5-4.5 4.5 4.5",
            Self::Down => "m3.5 6 4.5 4.5L12.5 6",
            Self::Left => "M10 3.5 5.5 8l4.5 4.5",
            Self::Right => "M6 3.5 10.5 8 6 12.5",
            Self::Plus => "M8 3v10M3 8h10",
            Self::Pencil => "m2.5 13.5.7-3L11 2.7l2.3 2.3-7.8 7.8ZM9.6 4.1l2.3 2.3",
            Self::Trash => "M2.5 4.3h11M6 4.3V2.5h4v1.8M4 4.3l.6 9.2h6.8l.6-9.2M6.7 7v4M9.3 7v4",
            Self::Copy => "M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3",
            Self::Mail => "M1.8 3.5h12.4v9H1.8ZM2 4l6 4.8L14 4",
            Self::Undo => "M5.5 2.8 2.5 5.8l3 3M2.7 5.8h6.5a4 4 0 0 1 0 8H6",
            Self::Refresh => "M13.5 8a5.5 5.5 0 1 1-1.7-4M12.2 1.6v2.7H9.5",
            Self::External => "M6.5 3.5h-4v10h10v-4M9.5 2.5h4v4M13.3 2.7 7.5 8.5",
            Self::List => "M5.5 3.8H14M5.5 8H14M5.5 12.2H14M2.3 3.8h.2M2.3 8h.2M2.3 12.2h.2",
            Self::People => {
                "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 2.8a2.5 2.5 0 0 1 0 4.5M12 9.9c1.5.5 2.5 1.8 2.5 3.6"
            }
            Self::Flame => {
                "M8 14.3c-2.8 0-4.6-1.9-4.6-4.4C3.4 6.5 7 5.5 6.7 1.8 9.5 3 10 5 9.8 6.5c.9-.2 1.3-.9 1.4-1.6 1 1.3 1.4 2.9 1.4 4.6 0 2.9-1.8 4.8-4.6 4.8Z"
            }
            Self::Pause => "M5.5 3.5v9M10.5 3.5v9",
            Self::Download => "M8 2v8M4.5 6.8 8 10.3l3.5-3.5M2.5 13.5h11",
            Self::Eye => {
                "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z"
            }
            Self::EyeOff => {
                "M3 5.6C2 6.7 1.5 8 1.5 8S4 12.5 8 12.5c1 0 1.9-.3 2.7-.7M6 3.9c.6-.2 1.3-.4 2-.4 4 0 6.5 4.5 6.5 4.5s-.5 1-1.5 2M2.5 2.5l11 11"
            }
            Self::Key => {
                "M5.5 6.5a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4ZM7.8 7.5l5.7-5.7M11 4.3l2 2"
            }
            Self::Shield => "M8 1.8 13.3 3.7v4c0 3.2-2.2 5.3-5.3 6.5-3.1-1.2-5.3-3.3-5.3-6.5v-4Z",
            Self::Leave => "M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3",
            Self::Expired => "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM3.7 12.3l8.6-8.6",
            Self::User => {
                "M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8ZM2.8 14c0-2.7 2.2-4.2 5.2-4.2s5.2 1.5 5.2 4.2"
            }
        }
    }
}

/// A decorative icon next to a label; not exposed to screen readers.
pub fn icon(name: IconName) -> Html {
    html! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16"
            fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"
            stroke-linejoin="round" aria-hidden="true" focusable="false">
            <path d={name.path()} />
        </svg>
    }
}
