export function SpotPage() { return <p class="empty">Not built yet.</p>; }
