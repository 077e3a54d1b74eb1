export function StatesPage() { return <p class="empty">Not built yet.</p>; }
