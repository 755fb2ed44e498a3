/**
 * Of the kit's style sheets those of the parts that are used behind the door; with `styles-door.ts`, which
 * comes first, a third of the whole. Those that others build upon come first: the order decides which
 * rule wins.
 */
import '@mantine/core/styles/ScrollArea.css'
import '@mantine/core/styles/Overlay.css'
import '@mantine/core/styles/ModalBase.css'
import '@mantine/core/styles/InlineInput.css'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/AppShell.css'
import '@mantine/core/styles/Badge.css'
import '@mantine/core/styles/Indicator.css'
import '@mantine/core/styles/Burger.css'
import '@mantine/core/styles/Checkbox.css'
import '@mantine/core/styles/Code.css'
import '@mantine/core/styles/Modal.css'
import '@mantine/core/styles/NavLink.css'
import '@mantine/core/styles/Progress.css'
import '@mantine/core/styles/Radio.css'
import '@mantine/core/styles/SegmentedControl.css'
import '@mantine/core/styles/Switch.css'
import '@mantine/core/styles/Tabs.css'
