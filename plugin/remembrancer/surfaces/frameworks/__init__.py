"""An agent's tools in the forms of agent frameworks, each a few lines; the frameworks are loaded at their first use.

- `langchain_tools`: for LangChain and LangGraph.
- `openai_tools`: for OpenAI Agents.
- `pydantic_ai_capability`: for Pydantic AI: tools and instructions from one object.
- `extras`: frameworks that are not installed.
"""
