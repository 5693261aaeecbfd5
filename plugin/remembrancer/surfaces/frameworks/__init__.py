"""Agents of frameworks: their tools, and the way back in; the frameworks are loaded at their first use.

- `extras`: frameworks that are not installed.
- `langchain_tools`: for LangChain and LangGraph.
- `langgraph_wake`: a graph of LangGraph that is woken.
- `openai_tools`: for OpenAI Agents.
- `openai_wake`: an agent of OpenAI Agents that is woken.
- `pydantic_ai_capability`: for Pydantic AI: tools and instructions from one object.
- `pydantic_ai_wake`: an agent of Pydantic AI that is woken.
"""
